import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  rmdirSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { MOUNT_FLAGS, mount, UMOUNT_FLAGS, umount } from '../../linux/index.js';
import { isMountPoint } from '../own-mounts.js';
import { InvalidMountError } from './volume-errors.js';

/** fcntl-linux.h: names a file without opening it. */
const O_PATH = 0o10000000;

/** A file that stays the same, whatever happens to its name meanwhile. */
export type OpenPlace = Disposable & Readonly<{ path: string }>;

/** What {@link openBeneath} mounts on is called so. */
export const SUBPATH_PREFIX = 'subpath-';

/**
 * Finds a file below a directory that containers may be changing: each part of the path is opened from the one before, and
 * a symbolic link is refused, so that nothing leads out.
 * @param path relative. @param parent a directory of ours, in which what was found is mounted under a name of its own:
 * the runtime, in another mount namespace, could not mount an open file. @returns `path` is good until disposed of.
 * @throws {InvalidMountError}
 */
export function openBeneath(directory: string, path: string, parent: string): OpenPlace {
  const fd = openParts(directory, path);
  try {
    const place = join(parent, SUBPATH_PREFIX + randomBytes(6).toString('hex'));
    if (fstatSync(fd).isDirectory()) mkdirSync(place, { mode: 0o700 });
    else writeFileSync(place, '', { flag: 'wx', mode: 0o600 });
    mount(`/proc/self/fd/${fd}`, place, '', MOUNT_FLAGS.bind | MOUNT_FLAGS.recursive);
    return { path: place, [Symbol.dispose]: () => closePlace(place) };
  } finally {
    closeSync(fd);
  }
}

/** Also for what a process that was killed has left. Nothing that was mounted is removed. */
export function closePlace(place: string): void {
  if (isMountPoint(place)) umount(place, UMOUNT_FLAGS.detach | UMOUNT_FLAGS.noFollow);
  if (lstatSync(place).isDirectory()) rmdirSync(place);
  else unlinkSync(place);
}

/** As {@link openBeneath}, but for a descriptor (O_PATH), which the caller closes. @throws {InvalidMountError} */
export function openParts(directory: string, path: string): number {
  let fd = openSync(directory, O_PATH | constants.O_DIRECTORY);
  try {
    for (const name of path.split('/').filter((part) => part !== '' && part !== '.')) {
      const inner = openPart(fd, name, path);
      closeSync(fd);
      fd = inner;
    }
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
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
