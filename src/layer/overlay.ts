import { type BigIntStats, lstatSync, type Stats } from 'node:fs';
import { lgetxattr, lsetxattr, makeDevice, type Path } from '../linux/index.js';
import { OPAQUE_MARKER } from './entry.js';

/**
 * How overlayfs marks things in its directories: deleted names as character devices 0:0, directories that hide what
 * is below by an attribute, which is `user.` with the mount option `userxattr` and `trusted.` without.
 */
export type OverlayMarks = Readonly<{
  userxattr?: boolean | undefined;
  /** Files of names that only layers have are marks too, as fuse-overlayfs makes them beside the others. */
  whiteoutFiles?: boolean | undefined;
}>;

/** Names of attributes that belong to overlayfs, and never to a file. */
export function isOverlayXattr(name: string): boolean {
  return /^(?:(?:trusted|user)\.overlay|user\.fuseoverlayfs)\./.test(name);
}

export function overlayXattr(name: string, { userxattr = false }: OverlayMarks): string {
  return `${userxattr ? 'user' : 'trusted'}.overlay.${name}`;
}

export function isWhiteoutDevice(stats: Stats | BigIntStats): boolean {
  return stats.isCharacterDevice() && Number(stats.rdev) === 0;
}

export function makeWhiteout(path: Path): void {
  makeDevice(path, { type: 'character', permissions: 0, major: 0, minor: 0 });
}

export function makeOpaque(directory: Path, marks: OverlayMarks): void {
  lsetxattr(directory, overlayXattr('opaque', marks), Buffer.from('y'));
}

/** `x`, since Linux 6.8: not opaque, but it may hold whiteouts that are files with an attribute. */
export function opaqueMark(directory: Path, marks: OverlayMarks): 'y' | 'x' | undefined {
  if (marks.whiteoutFiles && hasOpaqueFile(directory)) return 'y';
  const value = lgetxattr(directory, overlayXattr('opaque', marks))?.toString('latin1');
  return value === 'y' || value === 'x' ? value : undefined;
}

function hasOpaqueFile(directory: Path): boolean {
  const path = Buffer.concat([Buffer.from(directory), Buffer.from(`/${OPAQUE_MARKER}`)]);
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}
