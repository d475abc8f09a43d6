import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';

/** Primary result codes of SQLite. https://sqlite.org/rescode.html */
const IOERR = 10;
const CORRUPT = 11;
const FULL = 13;
const NOTADB = 26;
const OF_DISK: readonly number[] = [IOERR, FULL];

/** Whether the file is no sound database. */
export function isUnsound(error: unknown): boolean {
  return [CORRUPT, NOTADB].includes(primaryCode(error));
}

/** Whether this, or what caused it, is that a disk takes nothing more, or fails. */
export function isDiskFailure(error: unknown): boolean {
  if (OF_DISK.includes(primaryCode(error))) return true;
  return error instanceof Error && error.cause !== undefined && isDiskFailure(error.cause);
}

/** @returns 0 for what is no failure of SQLite. */
export function primaryCode(error: unknown): number {
  return error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : 0;
}

/** The disk that a database lies on takes nothing more, or fails. `errcode` is SQLite's. */
class SqlDiskError extends Error {
  override readonly name = 'SqlDiskError';
  readonly errcode: number;

  constructor(path: string, cause: Error & { readonly errcode?: unknown }) {
    super(`cannot use ${path}: ${isDiskFull(path) ? 'no space is left on its disk' : cause.message}`, {
      cause,
    });
    this.errcode = Number(cause.errcode);
  }
}

/** What SQLite says of disks, in words for people: that it is the disk, and of which file. Others as they are. */
export function explainDisk(error: unknown, path: string): unknown {
  if (!(error instanceof Error) || error instanceof SqlDiskError) return error;
  return OF_DISK.includes(primaryCode(error)) ? new SqlDiskError(path, error) : error;
}

/** So little that not even what SQLite needs beside the file can be made. */
const NOTHING_BYTES = 128 * 1024;

function isDiskFull(path: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(dirname(path));
    return bavail * bsize < NOTHING_BYTES;
  } catch {
    return false;
  }
}
