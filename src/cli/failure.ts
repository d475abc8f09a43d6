import { isSystemError, reasonOf } from '../registry/system-error.js';
import { interruptionIn } from './interruption.js';
import { printable } from './printable.js';

/** What a person did wrong on the command line: exit code 2, as other programs have it. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** By their names: with the classes would come folders that most commands do without. */
const USAGE_ERRORS: ReadonlySet<string> = new Set(['UsageError', 'FilterError', 'ChangeError']);

/** As sysexits.h has it: trying again helps nothing. */
const WRONG_CONFIGURATION = 78;

/**
 * Tells a person what failed, in one line; causes and where they arose only when asked.
 * @returns the exit code, as {@link exitCodeOf}.
 */
export function reportFailure(
  error: unknown,
  { debug, notes = process.stderr }: { debug: boolean; notes?: { write(text: string): unknown } },
): number {
  notes.write(`berth: ${printable(messageOf(interruptionIn(error) ?? error))}\n`);
  if (debug) {
    for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
      notes.write(`${cause.stack ?? cause.message}\n`);
    }
  }
  return exitCodeOf(error);
}

/** 1, 2 for wrong usage, 78 for a wrong configuration, 125 to 127 for a container, 130 and the like after a signal. */
export function exitCodeOf(error: unknown): number {
  const interruption = interruptionIn(error);
  if (interruption !== undefined) return interruption.exitCode;
  // By its name: with the class would come all that reads configurations, to every command.
  if (error instanceof Error && error.name === 'ConfigError') return WRONG_CONFIGURATION;
  if (error instanceof Error && error.name === 'ContainerStartError' && 'exitCode' in error)
    return Number(error.exitCode);
  return error instanceof Error && USAGE_ERRORS.has(error.name) ? 2 : 1;
}

function messageOf(error: unknown): string {
  if (!isSystemError(error)) return error instanceof Error ? error.message : String(error);
  return error.path === undefined ? reasonOf(error) : `cannot use ${error.path}: ${reasonOf(error)}`;
}
