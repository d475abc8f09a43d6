import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { InvalidContainerError } from '../errors.js';
import type { ContainerFolder } from './container-folder.js';

export const DEFAULT_DETACH_KEYS = 'ctrl-p,ctrl-q';

/** `ctrl-p,ctrl-q`: letters, and `ctrl-` with a letter or one of `@[\]^_`. @throws {InvalidContainerError} */
export function parseDetachKeys(text: string): Uint8Array {
  if (text === '') return new Uint8Array();
  return Uint8Array.from(
    text.split(',').map((key) => {
      if (/^ctrl-[a-z@[\\\]^_]$/i.test(key)) return key.toUpperCase().charCodeAt(5) & 0x1f;
      if (/^[\x20-\x7e]$/.test(key)) return key.charCodeAt(0);
      throw new InvalidContainerError('write keys as in ctrl-p,ctrl-q');
    }),
  );
}

/** What conmon reads at a time. Of several lines in it some versions take the first again and again, and no other. */
const READ_BYTES = 199;

/** Tells conmon how large the terminal is; nothing happens to a container that has ended, or has not begun. */
export function resizeTerminal(folder: ContainerFolder, rows: number, columns: number): void {
  let fd: number | undefined;
  try {
    fd = openSync(folder.file('winsz'), constants.O_WRONLY | constants.O_NONBLOCK);
    writeSync(fd, `${`${rows} ${columns}`.padEnd(READ_BYTES - 1)}\n`);
  } catch {
    // there is nobody to tell
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
