import type { TerminalSize } from '../../runtime/container/index.js';
import { EngineError } from '../errors.js';

/** 0 is not known. @throws {EngineError} 400: the kernel takes 16 bits. */
export function terminalSizeOf(rows: number, columns: number): TerminalSize {
  return { rows: checked(rows), columns: checked(columns) };
}

function checked(given: number): number {
  if (Number.isInteger(given) && given >= 0 && given < 65_536) return given;
  throw new EngineError(400, `not the size of a terminal: ${given}`);
}
