declare const brand: unique symbol;

/** A number of bytes. Every size of `Config` is one. */
export type Bytes = number & { readonly [brand]: 'Bytes' };

const UNITS: readonly string[] = ['', 'K', 'M', 'G', 'T', 'P'];

/** For editors: `4MiB`, `100MB`, `1.5GiB`, `512`. */
export const SIZE_PATTERN = '^\\d+(\\.\\d+)? ?([KMGTPkmgtp][iI]?)?[bB]?$';

const GRAMMAR = /^(\d+(?:\.\d+)?) ?([KMGTP]?)(I?)(B?)$/;

/**
 * Reads `4MiB` (1024 × 1024), `4MB` (1000 × 1000), `4M` and `4Mi` (as MiB), or a bare number of bytes.
 * @throws {RangeError} off the grammar, not a whole number of bytes, or beyond what a number can count.
 */
export function parseSize(input: string | number): Bytes {
  const [whole, amount = '', unit = '', binary = '', suffix = ''] =
    GRAMMAR.exec(String(input).toUpperCase()) ?? [];
  if (whole === undefined) throw new RangeError('must be a size such as 4MiB, 100MB or a number of bytes');
  const decimal = unit !== '' && binary === '' && suffix === 'B';
  const bytes = Number(amount) * (decimal ? 1000 : 1024) ** UNITS.indexOf(unit);
  if (!Number.isSafeInteger(bytes)) throw new RangeError('must be a whole number of bytes below 8PiB');
  return bytes as Bytes; // the one cast, next to its proof
}

/** The shortest text that `parseSize` reads back as the same number: `4MiB`, `1500`. */
export function formatSize(bytes: number): string {
  let power = 0;
  let amount = bytes;
  while (amount > 0 && amount % 1024 === 0 && power < UNITS.length - 1) {
    amount /= 1024;
    power += 1;
  }
  return power === 0 ? String(amount) : `${amount}${UNITS[power]}iB`;
}
