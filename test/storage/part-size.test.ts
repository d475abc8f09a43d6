import { describe, expect, it } from 'vitest';
import { partBytes, partRanges } from '../../src/storage/s3/part-size.js';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

describe('parts of an upload whose length nobody knows', () => {
  it.each([
    { first: 5 * MIB, largest: 4900 * GIB },
    { first: 10 * MIB, largest: 5 * 1024 * GIB },
    { first: 5 * GIB, largest: 5 * 1024 * GIB },
  ])('hold the largest object in 10,000 parts, if the first have $first bytes', ({ first, largest }) => {
    const sizes = Array.from({ length: 10_000 }, (_, i) => partBytes(i + 1, first));
    expect(sizes.reduce((sum, size) => sum + size)).toBeGreaterThan(largest);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(5 * GIB);
  });

  it('are alike for blobs of the usual sizes, and not large for those beyond 100 GiB', () => {
    const first = 10 * MIB;
    expect(new Set(Array.from({ length: 1000 }, (_, i) => partBytes(i + 1, first)))).toEqual(
      new Set([first]),
    );
    let [number, bytes] = [0, 0];
    for (; bytes < 150 * GIB; number += 1) bytes += partBytes(number + 1, first);
    expect(number).toBeLessThan(5000);
    expect(partBytes(number, first)).toBe(160 * MIB);
  });
});

describe('parts of an object that is copied', () => {
  it.each([
    { size: 10, wanted: 5 * MIB, ranges: [[1, 0, 10]] },
    {
      size: 11 * MIB,
      wanted: 5 * MIB,
      ranges: [
        [1, 0, 5 * MIB],
        [2, 5 * MIB, 11 * MIB],
      ],
    },
    {
      size: 10 * MIB,
      wanted: 5 * MIB,
      ranges: [
        [1, 0, 5 * MIB],
        [2, 5 * MIB, 10 * MIB],
      ],
    },
  ])('of $size bytes in steps of $wanted', ({ size, wanted, ranges }) =>
    expect(partRanges(size, wanted).map(({ number, start, end }) => [number, start, end])).toEqual(ranges),
  );

  it('are few enough, and not too long', () => {
    const ranges = partRanges(5 * 1024 * GIB, 32 * MIB);
    expect(ranges.length).toBeLessThanOrEqual(10_000);
    expect(Math.max(...ranges.map(({ start, end }) => end - start))).toBeLessThanOrEqual(5 * GIB);
  });
});
