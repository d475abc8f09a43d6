import { fstatSync, writeSync } from 'node:fs';
import type { OutputConfiguration } from 'commander';

type Fd = typeof OUT | typeof ERR;
const OUT = 1;
const ERR = 2;
/** Where nobody says how many there are. */
const COLUMNS = 80;

/**
 * Where help and mistakes in the arguments go: past the streams of the process where that is possible, as those bring
 * all of the network with them, which takes as long as the help itself.
 * @param options `beforeStreams` is called before they are used after all.
 */
export function helpOutput({ beforeStreams }: { beforeStreams: () => void }): OutputConfiguration {
  const streamOf = (fd: Fd) => {
    beforeStreams();
    return fd === OUT ? process.stdout : process.stderr;
  };
  const write = (fd: Fd, text: string) => {
    const bytes = Buffer.from(text);
    const written = writtenAtOnce(fd, bytes);
    if (written < bytes.length) streamOf(fd).write(bytes.subarray(written));
  };
  const widthOf = (fd: Fd) => (isTerminal(fd) ? streamOf(fd).columns : undefined) ?? COLUMNS;
  return {
    writeOut: (text) => write(OUT, text),
    writeErr: (text) => write(ERR, text),
    getOutHelpWidth: () => widthOf(OUT),
    getErrHelpWidth: () => widthOf(ERR),
    getOutHasColors: () => false,
    getErrHasColors: () => false,
  };
}

/** @returns how many bytes. A stream waits for its reader, or says what is wrong. */
function writtenAtOnce(fd: Fd, bytes: Buffer): number {
  try {
    return writeSync(fd, bytes);
  } catch {
    return 0;
  }
}

/** Or something like one, such as /dev/null. */
function isTerminal(fd: Fd): boolean {
  try {
    return fstatSync(fd).isCharacterDevice();
  } catch {
    return false;
  }
}
