import { fstatSync } from 'node:fs';
import type { OutputConfiguration } from 'commander';
import { ERR, type Fd, OUT, printAtOnce, streamOf } from './at-once.js';

/** Where nobody says how many there are. */
const COLUMNS = 80;

/** Where help and mistakes in the arguments go. */
export function helpOutput(): OutputConfiguration {
  const widthOf = (fd: Fd) => (isTerminal(fd) ? streamOf(fd).columns : undefined) ?? COLUMNS;
  return {
    writeOut: (text) => printAtOnce(text, OUT),
    writeErr: (text) => printAtOnce(text, ERR),
    getOutHelpWidth: () => widthOf(OUT),
    getErrHelpWidth: () => widthOf(ERR),
    getOutHasColors: () => false,
    getErrHasColors: () => false,
  };
}

/** Or something like one, such as /dev/null. */
function isTerminal(fd: Fd): boolean {
  try {
    return fstatSync(fd).isCharacterDevice();
  } catch {
    return false;
  }
}
