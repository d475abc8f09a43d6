import { chmodSync, lstatSync, mkdirSync, readlinkSync, type Stats } from 'node:fs';
import { dirname, join } from 'node:path';
import { RuntimeError } from './errors.js';

const MAX_LINKS = 255;

/**
 * Where a path of a container lies on this machine: symbolic links are followed as inside the container, so that
 * nothing leads out of `root`. Right only while nobody changes the tree.
 * @param path as seen in the container. @returns absolute, below `root`; its end may be missing.
 */
export function resolveInRoot(root: string, path: string): string {
  const pending = components(path).reverse();
  const done: string[] = [];
  let links = 0;
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (name === '..') {
      done.pop();
      continue;
    }
    const target = linkTarget(join(root, ...done, name));
    if (target === undefined) {
      done.push(name);
      continue;
    }
    links += 1;
    if (links > MAX_LINKS) throw new RuntimeError(`too many symbolic links in ${path}`);
    if (target.startsWith('/')) done.length = 0;
    pending.push(...components(target).reverse());
  }
  return join(root, ...done);
}

/** `undefined` for what is not there. */
export function lstatIfAny(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return undefined;
    throw error;
  }
}

function components(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}

function linkTarget(path: string): string | undefined {
  return lstatIfAny(path)?.isSymbolicLink() ? readlinkSync(path) : undefined;
}

/**
 * Makes what is missing of a directory of a container: for everybody to enter, whatever the umask.
 * @throws {RuntimeError} something else is in the way.
 */
export function makeDirectories(root: string, path: string): void {
  makeDirectory(root, resolveInRoot(root, path));
}

function makeDirectory(root: string, path: string): void {
  const stats = lstatIfAny(path);
  if (stats?.isDirectory()) return;
  if (stats) throw new RuntimeError(`${path.slice(root.length)} of the container is no directory`);
  makeDirectory(root, dirname(path));
  mkdirSync(path);
  chmodSync(path, 0o755);
}

/**
 * For what the runtime mounts by itself, which is written to before the root filesystem is all that it sees: runc 1.1 makes
 * `fd`, `stdin` and others in `/dev` by their names, so that a link there would lead to directories of this machine.
 * @throws {RuntimeError} one is there, and is no directory.
 */
export function expectDirectories(root: string, places: readonly string[]): void {
  for (const place of places) {
    const stats = lstatIfAny(join(root, place));
    if (stats && !stats.isDirectory())
      throw new RuntimeError(`${place} of the container is no directory to mount on`);
  }
}
