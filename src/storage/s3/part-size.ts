/** Services take that many parts. */
const MAX_PARTS = 10_000;
/** All but the last have at least so many bytes, and none has more than the most. */
export const MIN_PART_BYTES = 5 * 1024 ** 2;
export const MAX_PART_BYTES = 5 * 1024 ** 3;

const PARTS_OF_A_SIZE = 1000;

/**
 * How long a part is to be when nobody knows how many will follow: each thousand is twice as long as the one before. With
 * 10 MiB to begin with that is 146 GiB in 4,000 parts and more than services store (5 TiB) in 10,000, and blobs of the usual
 * sizes still have parts that are all alike, as some services want them.
 * @param number from 1.
 */
export function partBytes(number: number, firstBytes: number): number {
  const doublings = Math.floor((number - 1) / PARTS_OF_A_SIZE);
  return Math.min(MAX_PART_BYTES, firstBytes * 2 ** doublings);
}

export type PartRange = Readonly<{ number: number; start: number; end: number }>;

/**
 * Cuts a known size into parts that are alike, but for a longer last one.
 * @param first number of the first part.
 */
export function partRanges(size: number, wantedBytes: number, first = 1): PartRange[] {
  const bytes = Math.min(MAX_PART_BYTES / 2, Math.max(wantedBytes, Math.ceil(size / (MAX_PARTS / 2))));
  const count = Math.max(1, Math.floor(size / bytes));
  return Array.from({ length: count }, (_, i) => ({
    number: first + i,
    start: i * bytes,
    end: i === count - 1 ? size : (i + 1) * bytes,
  }));
}
