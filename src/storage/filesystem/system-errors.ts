import type { StoragePath } from '../driver.js';
import { StorageFullError, StorageUnavailableError } from '../errors.js';

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EIO: 'the disk fails',
  EROFS: 'the file system is read-only',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  EMFILE: 'too many open files',
  ENFILE: 'too many open files',
};
const FULL: readonly string[] = ['ENOSPC', 'EDQUOT'];

/**
 * Runs something that writes.
 * @throws {StorageUnavailableError} in place of what the system says when it cannot write now.
 */
export async function explained<T>(path: StoragePath, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    throw unavailable(path, 'write', error);
  }
}

/** @returns a {@link StorageUnavailableError} where the system's reason is one that passes, else the error itself. */
export function unavailable(path: StoragePath, action: 'read' | 'write', error: unknown): unknown {
  const code = codeOf(error);
  const reason = REASONS[code];
  if (reason === undefined) return error;
  const Unavailable = FULL.includes(code) ? StorageFullError : StorageUnavailableError;
  return new Unavailable(`cannot ${action} ${path}: ${reason}`, { cause: error });
}

/** Removed, unmounted, or a file by now. The directory is made when the store is opened, and by nobody later. */
export function rootIsGone(cause: unknown): StorageUnavailableError {
  return new StorageUnavailableError('the root directory of the storage is gone', { cause });
}

export function isAbsent(error: unknown): boolean {
  return codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR';
}

export function isPresent(error: unknown): boolean {
  return codeOf(error) === 'EEXIST';
}

export function ignoreAbsent(error: unknown): void {
  if (!isAbsent(error)) throw error;
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
