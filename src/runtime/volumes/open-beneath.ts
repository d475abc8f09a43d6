import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { InvalidMountError } from './volume-errors.js';

/** fcntl-linux.h: names a file without opening it. */
const O_PATH = 0o10000000;

/** A file that stays the same, whatever happens to its name meanwhile. */
export type OpenPlace = Disposable & Readonly<{ path: string }>;

/**
 * Finds a file below a directory that containers may be changing: each part of the path is opened from the one before, and
 * a symbolic link is refused, so that nothing leads out.
 * @param path relative. @returns `path` is for programs to use, until disposed of. @throws {InvalidMountError}
 */
export function openBeneath(directory: string, path: string): OpenPlace {
  let fd = openSync(directory, O_PATH | constants.O_DIRECTORY);
  try {
    for (const name of path.split('/').filter((part) => part !== '' && part !== '.')) {
      const inner = openPart(fd, name, path);
      closeSync(fd);
      fd = inner;
    }
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  return { path: `/proc/${process.pid}/fd/${fd}`, [Symbol.dispose]: () => closeSync(fd) };
}

function openPart(parent: number, name: string, path: string): number {
  if (name === '..') throw new InvalidMountError('subpath must be a relative path within the volume');
  const fd = opened(`/proc/self/fd/${parent}/${name}`, path);
  if (!fstatSync(fd).isSymbolicLink()) return fd;
  closeSync(fd);
  throw new InvalidMountError(
    `cannot mount the subpath ${path}: ${name} is a symbolic link; name what it leads to`,
  );
}

function opened(file: string, path: string): number {
  try {
    return openSync(file, O_PATH | constants.O_NOFOLLOW);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
    throw new InvalidMountError(
      `cannot access the subpath ${path} of the volume: there is no such file or directory`,
      {
        cause: error,
      },
    );
  }
}
