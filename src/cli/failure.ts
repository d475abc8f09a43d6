import { getSystemErrorMessage } from 'node:util';

/** What a person did wrong on the command line: exit code 2, as other programs have it. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

type SystemError = Error & Readonly<{ code: string; errno: number; path?: string }>;

/**
 * Tells a person what failed, in one line; causes and where they arose only when asked.
 * @returns the exit code: 1, or 2 for wrong usage.
 */
export function reportFailure(
  error: unknown,
  { debug, notes = process.stderr }: { debug: boolean; notes?: { write(text: string): unknown } },
): 1 | 2 {
  notes.write(`berth: ${messageOf(error)}\n`);
  if (debug) {
    for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
      notes.write(`${cause.stack ?? cause.message}\n`);
    }
  }
  return error instanceof UsageError ? 2 : 1;
}

function messageOf(error: unknown): string {
  if (!isSystemError(error)) return error instanceof Error ? error.message : String(error);
  return error.path === undefined ? reasonOf(error) : `cannot use ${error.path}: ${reasonOf(error)}`;
}

/** What the system says about a file, without its code and the name of the call; other messages as they are. */
export function reasonOf(error: unknown): string {
  if (!isSystemError(error)) return error instanceof Error ? error.message : String(error);
  return REASONS.get(error.code) ?? getSystemErrorMessage(error.errno);
}

const REASONS: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'there is no such file'],
  ['EISDIR', 'it is a directory'],
]);

function isSystemError(error: unknown): error is SystemError {
  return error instanceof Error && 'errno' in error && typeof error.errno === 'number' && error.errno < 0;
}
