import type { TransferEvent } from '../image/index.js';
import { JsonProgress } from './progress-json.js';
import type { ProgressMode } from './progress-mode.js';
import { PlainProgress } from './progress-plain.js';
import { TerminalProgress } from './progress-terminal.js';

/** Shows how transfers get on; nothing of it is a command's result. */
export interface Progress extends Disposable {
  /** For the `onProgress` of copy and compress. */
  readonly onTransfer: (event: TransferEvent) => void;
  /** One line of text. */
  note(text: string): void;
  /** Takes away what would stand in the way of other output. */
  clear(): void;
}

/** @param mode `auto` draws bars on a terminal and writes plain lines elsewhere. */
export function openProgress(mode: ProgressMode, stream: NodeJS.WriteStream = process.stderr): Progress {
  switch (mode) {
    case 'auto':
      return stream.isTTY ? new TerminalProgress(stream) : new PlainProgress(stream);
    case 'plain':
      return new PlainProgress(stream);
    case 'json':
      return new JsonProgress(stream);
    case 'quiet':
      return QUIET;
  }
}

const QUIET: Progress = {
  onTransfer: () => undefined,
  note: () => undefined,
  clear: () => undefined,
  [Symbol.dispose]: () => undefined,
};
