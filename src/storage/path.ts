import type { StoragePath } from './driver.js';
import { InvalidPathError } from './errors.js';

const GRAMMAR = /^(?:\/[A-Za-z0-9._-]+)+$/;
const DOTS = /\/\.{1,2}(?:\/|$)/;

/**
 * Nothing that comes from outside may choose a file outside the store, whatever the callers checked before.
 * @throws {InvalidPathError}
 */
export function checkPath(path: StoragePath): StoragePath {
  if (path === '/') return path;
  if (!GRAMMAR.test(path) || DOTS.test(path)) throw new InvalidPathError(path);
  return path;
}

/** Byte order, which for these names is the order of their UTF-16 units too. */
export function byName(a: { name: string }, b: { name: string }): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
