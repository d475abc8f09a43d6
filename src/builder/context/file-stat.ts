import { type BigIntStats, lstatSync, readlinkSync, statSync } from 'node:fs';
import { decodeName, FileChangedError } from '../../layer/index.js';
import type { FileVersion } from './saved-facts.js';

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

/** What a look at something gives that was there a moment ago, and is not any more, or is something else. */
const CHANGED: Readonly<Record<string, string>> = {
  ENOENT: 'it is gone',
  ENOTDIR: 'it is gone',
  ESTALE: 'it is gone',
  ELOOP: 'a link took its place',
  EISDIR: 'a directory took its place',
  ENXIO: 'something else took its place',
  EINVAL: 'something else took its place', // of readlink
};

/** Works on what was seen at a path. @throws {FileChangedError} it is not what it was. */
export function asSeen<T>(path: string, work: () => T): T {
  const explain = (error: NodeJS.ErrnoException): never => {
    const problem = error instanceof Error && error.syscall !== 'write' && CHANGED[error.code ?? ''];
    throw problem ? new FileChangedError(path, problem) : error;
  };
  try {
    const result = work();
    return result instanceof Promise ? (result.catch(explain) as T) : result;
  } catch (error) {
    return explain(error as NodeJS.ErrnoException);
  }
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

export function linkTarget(path: string | Buffer): string {
  return decodeName(readlinkSync(path, { encoding: 'buffer' }));
}
