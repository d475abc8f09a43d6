import { writeSync } from 'node:fs';

export type Fd = typeof OUT | typeof ERR;
export const OUT = 1;
export const ERR = 2;

/**
 * Prints past the stream of the process where that is possible: a stream brings all of the network with it, which takes
 * as long as a short text itself.
 */
export function printAtOnce(text: string, fd: Fd = OUT): void {
  const bytes = Buffer.from(text);
  const written = writtenAtOnce(fd, bytes);
  if (written < bytes.length) streamOf(fd).write(bytes.subarray(written));
}

export function streamOf(fd: Fd): NodeJS.WriteStream {
  return fd === OUT ? process.stdout : process.stderr;
}

/** @returns how many bytes. A stream waits for its reader, or says what is wrong. */
function writtenAtOnce(fd: Fd, bytes: Buffer): number {
  try {
    return writeSync(fd, bytes);
  } catch {
    return 0;
  }
}
