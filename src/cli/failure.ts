/** What a person did wrong on the command line: exit code 2, as other programs have it. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/**
 * Tells a person what failed, in one line; causes and where they arose only when asked.
 * @returns the exit code: 1, or 2 for wrong usage.
 */
export function reportFailure(error: unknown, options: { debug: boolean }): number {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`berth: ${message}\n`);
  if (options.debug) {
    for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
      process.stderr.write(`${cause.stack ?? cause.message}\n`);
    }
  }
  return error instanceof UsageError ? 2 : 1;
}
