import type { BigIntStats, Stats } from 'node:fs';
import { lgetxattr, lsetxattr, makeDevice, type Path } from '../linux/index.js';

/**
 * How overlayfs marks things in its directories: deleted names as character devices 0:0, directories that hide what
 * is below by an attribute, which is `user.` with the mount option `userxattr` and `trusted.` without.
 */
export type OverlayMarks = Readonly<{ userxattr?: boolean | undefined }>;

/** Names of attributes that belong to overlayfs, and never to a file. */
export function isOverlayXattr(name: string): boolean {
  return /^(trusted|user)\.overlay\./.test(name);
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
  const value = lgetxattr(directory, overlayXattr('opaque', marks))?.toString('latin1');
  return value === 'y' || value === 'x' ? value : undefined;
}
