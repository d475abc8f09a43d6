import type { Found, RootfsView } from '../../layer/index.js';
import type { OsRelease } from '../os-release.js';
import type { Package } from '../package.js';

/** What a reader works with. */
export type Reading = Readonly<{
  view: RootfsView;
  os: OsRelease | undefined;
  /** For files that have to be on disk to be read; whoever made it removes it. */
  temporaryDirectory: string;
}>;

/** Knows one kind of file that tells of packages. */
export type PackageReader = Readonly<{
  /** For messages: `the database of dpkg`. */
  name: string;
  /** Whether to read this file. */
  isFor(found: Found, view: RootfsView): boolean;
  /** @throws {Error} the file is not what it seems to be. */
  read(found: Found, reading: Reading): Iterable<Package>;
}>;

/** A file is damaged, or of a kind that cannot be read. */
export class UnreadableError extends Error {
  override readonly name = 'UnreadableError';
}

/** The text of a small file. @throws {UnreadableError} it is too large. */
export function textOf(view: RootfsView, found: Found, maxBytes: number): string {
  if (found.entry.size > maxBytes) throw new UnreadableError(`it has more than ${maxBytes} bytes`);
  return Buffer.concat(Array.from(view.read(found), (chunk) => Buffer.from(chunk))).toString('utf8');
}

/** A member of parsed JSON, where it is text. */
export function textAt(value: unknown, name: string): string | undefined {
  const member = objectOf(value)?.[name];
  return typeof member === 'string' && member !== '' ? member : undefined;
}

export function objectOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject ? (value as Readonly<Record<string, unknown>>) : undefined;
}
