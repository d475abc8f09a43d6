import { type BigIntStats, lstatSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import { decodeName } from '../../layer/index.js';
import type { FileVersion } from './saved-facts.js';
import type { SourceEntry } from './source-tree.js';

/** A file changed so shortly before we look may change again without a trace in its times. */
const RACY_NS = 50_000_000n;
/** The same on filesystems that keep whole seconds, or even two. */
const RACY_COARSE_NS = 2_100_000_000n;
const SECOND_NS = 1_000_000_000n;

/** @returns `undefined` where there is nothing. */
export function lstat(path: string | Buffer, { follow }: { follow: boolean }): BigIntStats | undefined {
  const options = { bigint: true, throwIfNoEntry: false } as const;
  try {
    return follow ? statSync(path, options) : lstatSync(path, options);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** @returns `undefined` for what no system of ours has. */
export function typeOf(stat: BigIntStats): SourceEntry['type'] | 'socket' | undefined {
  if (stat.isFile()) return 'file';
  if (stat.isDirectory()) return 'directory';
  if (stat.isSymbolicLink()) return 'symlink';
  if (stat.isFIFO()) return 'fifo';
  if (stat.isCharacterDevice()) return 'character';
  if (stat.isBlockDevice()) return 'block';
  return stat.isSocket() ? 'socket' : undefined;
}

export function versionOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): FileVersion {
  return { dev, ino, size, mtimeNs, ctimeNs };
}

/** Whether the next change will show in the times. As git's "racily clean" entries. */
export function settled({ mtimeNs, ctimeNs }: BigIntStats): boolean {
  const newest = mtimeNs > ctimeNs ? mtimeNs : ctimeNs;
  const isCoarse = mtimeNs % SECOND_NS === 0n && ctimeNs % SECOND_NS === 0n;
  return newest + (isCoarse ? RACY_COARSE_NS : RACY_NS) < BigInt(Date.now()) * 1_000_000n;
}

export function secondsOf(nanoseconds: bigint): number {
  return Math.floor(Number(nanoseconds / 1000n) / 1_000_000);
}

/** As glibc's major() and minor(). */
export function deviceOf(rdev: bigint): { major: number; minor: number } {
  const major = ((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & ~0xfffn);
  const minor = (rdev & 0xffn) | ((rdev >> 12n) & ~0xffn);
  return { major: Number(major), minor: Number(minor & 0xffffffffn) };
}

export function linkTarget(path: string | Buffer): string {
  return decodeName(readlinkSync(path, { encoding: 'buffer' }));
}

/** Also those that are no UTF-8, as decodeName has them. */
export function listNames(directory: string | Buffer): string[] {
  const names = readdirSync(directory, { encoding: 'utf8' });
  if (!names.some((name) => name.includes('\ufffd'))) return names;
  return readdirSync(directory, { encoding: 'buffer' }).map(decodeName);
}
