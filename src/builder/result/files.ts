import {
  chmodSync,
  closeSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { type Entry, encodeName, type Found, Pace, type RootfsView } from '../../layer/index.js';
import { canCallLinux, makeDevice, makeDirectories, makeFifo } from '../../linux/index.js';

/** A file of a result; of several names of one file, all but the first are links to it. */
export type ResultFile = Readonly<{ entry: Entry; chunks: Iterable<Uint8Array> }>;

/** All files of a root filesystem, a directory before what is in it. A chunk's memory is used again for the next. */
export function* resultFiles(view: RootfsView): Generator<ResultFile> {
  const root = view.lookup('');
  const firstNames = new Map<unknown, string>();
  for (const found of root === undefined ? [] : view.walk(root)) {
    const first = found.entry.type === 'file' ? firstNames.get(found.inode) : undefined;
    if (first === undefined) {
      firstNames.set(found.inode, found.path);
      yield { entry: found.entry, chunks: view.read(found) };
    } else yield { entry: asLink(found, first), chunks: [] };
  }
}

function asLink({ entry }: Found, linkName: string): Entry {
  return { ...entry, type: 'hardlink', size: 0, linkName };
}

/**
 * Writes files into a directory, where they belong to whoever builds: so none is setuid or setgid there. What is there already stays, or is replaced by
 * what has its name; nothing is written through links.
 * @param onSkipped told of devices where only root could make them.
 */
export async function writeDirectory(
  view: RootfsView,
  directory: string,
  onSkipped: (path: string) => void,
): Promise<void> {
  const pace = new Pace();
  const directories: Entry[] = [];
  makeDirectories(directory);
  for (const { entry, chunks } of resultFiles(view)) {
    const path = pathIn(directory, entry.path);
    if (entry.type === 'directory') {
      makeDirectory(path);
      directories.push(entry);
    } else if (entry.type === 'file') writeFile(path, entry, chunks);
    else if (entry.type === 'symlink') {
      replace(path, () => symlinkSync(nameOf(entry.linkName), path));
      lutimesSync(path, entry.mtime, entry.mtime);
    } else if (entry.type === 'hardlink')
      replace(path, () => linkSync(pathIn(directory, entry.linkName ?? ''), path));
    else if (!makeSpecial(path, entry)) onSkipped(entry.path);
    if (pace.isDue()) await pace.breathe();
  }
  // Last, since writing into a directory changes its time, and may need a mode that it does not have in the end.
  for (const { path, mode, mtime } of directories.reverse()) {
    chmodSync(pathIn(directory, path), mode & PLAIN_MODE);
    utimesSync(pathIn(directory, path), mtime, mtime);
  }
}

/** Devices are for whoever builds, whatever the image says. @returns whether it could be made. */
function makeSpecial(path: string | Buffer, { type, device, mode, mtime }: Entry): boolean {
  if (!canCallLinux()) return false;
  try {
    if (type === 'fifo') replace(path, () => makeFifo(path, 0o600));
    else if ((type === 'character' || type === 'block') && device !== undefined)
      replace(path, () => makeDevice(path, { type, permissions: 0o600, ...device }));
    else return false;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EPERM') return false;
    throw error;
  }
  if (type === 'fifo') chmodSync(path, mode & PLAIN_MODE);
  lutimesSync(path, mtime, mtime);
  return true;
}

/** A program of an image that anybody could run as root of this machine is more than a file to look at. */
const PLAIN_MODE = 0o1777;

function pathIn(directory: string, path: string): string | Buffer {
  return encodeName(join(directory, path));
}

function nameOf(name: string | undefined): string | Buffer {
  return encodeName(name ?? '');
}

function makeDirectory(path: string | Buffer): void {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat?.isDirectory() === true) {
    chmodSync(path, 0o700);
    return;
  }
  if (stat !== undefined) rmSync(path);
  mkdirSync(path, { mode: 0o700 });
}

function writeFile(path: string | Buffer, { mode, mtime }: Entry, chunks: Iterable<Uint8Array>): void {
  replace(path, () => {
    const fd = openSync(path, 'wx', 0o600);
    try {
      for (const chunk of chunks) for (let at = 0; at < chunk.byteLength; ) at += writeSync(fd, chunk, at);
    } finally {
      closeSync(fd);
    }
    chmodSync(path, mode & PLAIN_MODE);
    utimesSync(path, mtime, mtime);
  });
}

function replace(path: string | Buffer, make: () => void): void {
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) rmSync(path, { recursive: true });
  make();
}
