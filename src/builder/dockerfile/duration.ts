/** Nanoseconds in each unit. */
const UNITS = new Map([
  ['ns', 1n],
  ['us', 1_000n],
  ['µs', 1_000n],
  ['μs', 1_000n],
  ['ms', 1_000_000n],
  ['s', 1_000_000_000n],
  ['m', 60_000_000_000n],
  ['h', 3_600_000_000_000n],
]);

const LARGEST = 2n ** 63n - 1n;
const MAX_DIGITS = 40;

/**
 * Reads a duration as Go's time.ParseDuration does: `1h30m`, `1.5s`, `-2ms`, `0`.
 * @returns nanoseconds, whole.
 * @throws {RangeError} malformed, without a unit, or too long.
 */
export function parseDuration(text: string): number {
  const [, sign = '', rest = ''] = /^([-+]?)(.*)$/s.exec(text) ?? [];
  if (rest === '0') return 0;
  const parts = [...rest.matchAll(/(\d*)(?:\.(\d*))?([^\d.]+)/g)];
  if (rest === '' || parts.map(([whole]) => whole).join('') !== rest) throw invalid(text);
  const total = parts.reduce(
    (sum, [, whole = '', fraction = '', unit = '']) => sum + nanoseconds(text, whole, fraction, unit),
    0n,
  );
  if (total > LARGEST) throw invalid(text);
  return Number(sign === '-' ? -total : total);
}

function nanoseconds(text: string, whole: string, fraction: string, unit: string): bigint {
  const scale = UNITS.get(unit);
  const digits = whole + fraction;
  if (scale === undefined) {
    throw new RangeError(
      `unknown unit ${JSON.stringify(unit)} in duration ${JSON.stringify(text)}; write as in 1m30s`,
    );
  }
  if (digits === '' || digits.length > MAX_DIGITS) throw invalid(text);
  return (BigInt(digits) * scale) / 10n ** BigInt(fraction.length);
}

/** As Go prints it: `1h30m0s`, `1.5s`, `2ms`, `0s`. */
export function formatDuration(nanoseconds: number): string {
  if (nanoseconds < 0) return `-${formatDuration(-nanoseconds)}`;
  if (nanoseconds === 0) return '0s';
  if (nanoseconds < 1e9) return formatSmall(nanoseconds);
  const seconds = Math.floor(nanoseconds / 1e9);
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  const fraction = String(nanoseconds % 1e9)
    .padStart(9, '0')
    .replace(/0+$/, '');
  const rest = `${seconds % 60}${fraction === '' ? '' : `.${fraction}`}s`;
  return `${hours > 0 ? `${hours}h` : ''}${hours > 0 || minutes > 0 ? `${minutes}m` : ''}${rest}`;
}

function formatSmall(nanoseconds: number): string {
  if (nanoseconds < 1e3) return `${nanoseconds}ns`;
  return nanoseconds < 1e6 ? `${nanoseconds / 1e3}µs` : `${nanoseconds / 1e6}ms`;
}

function invalid(text: string): RangeError {
  return new RangeError(`invalid duration ${JSON.stringify(text)}; write as in 1m30s`);
}
