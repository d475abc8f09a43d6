import { getSystemErrorMessage } from 'node:util';

/** What the system answers instead of doing what it was asked to; `path` is of the file, where there is one. */
export type SystemError = Error & Readonly<{ code: string; errno: number; path?: string }>;

export function isSystemError(error: unknown): error is SystemError {
  return error instanceof Error && 'errno' in error && typeof error.errno === 'number' && error.errno < 0;
}

/** What went wrong with a file, without the system's code and the name of its call; other messages as they are. */
export function reasonOf(error: unknown): string {
  if (!isSystemError(error)) return error instanceof Error ? error.message : String(error);
  return REASONS.get(error.code) ?? getSystemErrorMessage(error.errno);
}

const REASONS: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'there is no such file'],
  ['EISDIR', 'it is a directory'],
]);
