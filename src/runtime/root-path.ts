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

/** Makes what is missing of a directory of a container: for everybody to enter, whatever the umask. */
export function makeDirectories(path: string): void {
  if (lstatIfAny(path)) return;
  makeDirectories(dirname(path));
  mkdirSync(path);
  chmodSync(path, 0o755);
}
