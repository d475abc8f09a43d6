import { parseDuration } from '../registry/config/index.js';
import { UsageError } from './failure.js';

/** The milliseconds of a flag such as `--older-than 24h`. @throws {UsageError} */
export function parseAge(flag: string, text: string): number {
  try {
    return parseDuration(text);
  } catch (error) {
    throw new UsageError(`${flag}: ${text} is not a duration such as 24h`, { cause: error });
  }
}

/** The same for what lasts longer: `90d` too. @throws {UsageError} */
export function parseDays(flag: string, text: string): number {
  const [, days] = /^(\d+)d$/.exec(text) ?? [];
  return parseAge(flag, days === undefined ? text : `${Number(days) * 24}h`);
}
