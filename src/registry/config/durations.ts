declare const brand: unique symbol;

/** A length of time in milliseconds, fractions allowed: hand it to timers as it is. Every duration of `Config` is one. */
export type Milliseconds = number & { readonly [brand]: 'Milliseconds' };

const MILLISECONDS_IN = new Map([
  ['ns', 1e-6],
  ['us', 1e-3],
  ['µs', 1e-3], // U+00B5, the micro sign
  ['μs', 1e-3], // U+03BC, the Greek letter
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
]);

/** What Go's time.ParseDuration reads, for editors: `1h30m`, `1.5s`, `-2m`, `0`. */
export const DURATION_PATTERN = '^[+-]?(0|((\\d+(\\.\\d*)?|\\.\\d+)(ns|us|µs|μs|ms|s|m|h))+)$';

const WHOLE = new RegExp(DURATION_PATTERN);
const PART = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g;
/** Go counts nanoseconds in 64 bits. */
const LONGEST = 2 ** 63 / 1e6;

/**
 * Reads Go's duration grammar; a bare whole number, as in YAML, is nanoseconds.
 * @throws {RangeError} off the grammar, or longer than Go can count (292 years).
 */
export function parseDuration(input: string | number): Milliseconds {
  const milliseconds = typeof input === 'number' ? input / 1e6 : readText(input);
  if (!(Math.abs(milliseconds) < LONGEST)) throw new RangeError('must be shorter than 292 years');
  return milliseconds as Milliseconds; // the one cast, next to its proof
}

function readText(input: string): number {
  if (!WHOLE.test(input)) {
    const hint = /^[+-]?\d+(\.\d+)?$/.test(input) ? `, with a unit: ${JSON.stringify(`${input}s`)}` : '';
    throw new RangeError(`must be a duration such as 10s, 1h30m or 168h${hint}`);
  }
  let milliseconds = 0;
  for (const [, amount, unit = ''] of input.matchAll(PART)) {
    milliseconds += Number(amount) * (MILLISECONDS_IN.get(unit) ?? 0);
  }
  return input.startsWith('-') ? -milliseconds : milliseconds;
}

/** The shortest text that `parseDuration` reads back as the same length: `1h30m`, `168h`, `250ms`. */
export function formatDuration(duration: number): string {
  if (duration === 0) return '0s';
  if (duration < 0) return `-${formatDuration(-duration)}`;
  if (duration < 1) return `${Math.round(duration * 1e6)}ns`;
  if (!Number.isInteger(duration)) return `${duration}ms`;
  const hours = Math.floor(duration / 3_600_000);
  const minutes = Math.floor(duration / 60_000) % 60;
  const seconds = Math.floor(duration / 1000) % 60;
  const parts = [
    [hours, 'h'],
    [minutes, 'm'],
    [seconds, 's'],
    [duration % 1000, 'ms'],
  ] as const;
  return parts.map(([amount, unit]) => (amount ? `${amount}${unit}` : '')).join('');
}
