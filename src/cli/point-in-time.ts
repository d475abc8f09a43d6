import { utcTime, utcTimeOfUnix } from '../runtime/logs/index.js';
import { findAge } from '../spelling/index.js';
import { UsageError } from './failure.js';

/** A time, seconds since 1970, or how long ago: `10m`. @returns UTC, with nine digits after the second. @throws {UsageError} */
export function parseTime(text: string, now: number): string {
  const age = findAge(text);
  const time =
    age === undefined
      ? (utcTimeOfUnix(text) ?? utcTime(dateText(text)))
      : utcTime(new Date(now - age).toISOString());
  if (time !== undefined) return time;
  throw new UsageError(`not a time: ${JSON.stringify(text)}; write 10m or 2026-01-31T12:00:00Z`);
}

/** A date alone, or without a zone, is of this machine. */
function dateText(text: string): string {
  const time = /Z|[+-]\d\d:\d\d$/.test(text) ? Number.NaN : Date.parse(text);
  return Number.isNaN(time) ? text : new Date(time).toISOString();
}
