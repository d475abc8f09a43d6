import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRanges, parseUploadRange } from '../../../src/registry/http/ranges.js';

describe('parseRanges', () => {
  it.each([
    { header: undefined, ranges: 'all' },
    { header: 'bytes=0-3', ranges: [{ start: 0, end: 4 }] },
    { header: 'bytes=8-', ranges: [{ start: 8, end: 10 }] },
    { header: 'bytes=-3', ranges: [{ start: 7, end: 10 }] },
    { header: 'bytes=-30', ranges: [{ start: 0, end: 10 }] },
    { header: 'bytes=5-99', ranges: [{ start: 5, end: 10 }] },
    {
      header: 'bytes=0-1, 4-5',
      ranges: [
        { start: 0, end: 2 },
        { start: 4, end: 6 },
      ],
    },
    { header: 'bytes=0-1,99-100', ranges: [{ start: 0, end: 2 }] },
    { header: 'bytes=10-12', ranges: 'unsatisfiable' },
    { header: 'bytes=5-3', ranges: 'unsatisfiable' },
    { header: 'bytes=-0', ranges: 'unsatisfiable' },
    { header: 'bytes=x', ranges: 'unsatisfiable' },
    { header: 'bytes=-', ranges: 'unsatisfiable' },
    { header: 'lines=1-2', ranges: 'all' },
    { header: `bytes=${'0-9,'.repeat(20)}0-9`, ranges: 'all' },
  ])('reads $header of ten bytes', ({ header, ranges }) => expect(parseRanges(header, 10)).toEqual(ranges));

  it('reads as many ranges as podman sends', () => {
    const header = `bytes=${Array.from({ length: 1024 }, (_, i) => `${i * 2}-${i * 2}`).join(',')}`;
    expect(parseRanges(header, 10_000)).toHaveLength(1024);
  });

  it('never names a byte that is not there', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(1000), (text, size) => {
        const ranges = parseRanges(`bytes=${text}`, size);
        if (typeof ranges === 'string') return;
        for (const { start, end } of ranges) expect(0 <= start && start < end && end <= size).toBe(true);
      }),
    );
  });
});

describe('parseUploadRange', () => {
  it.each(['0-4', 'bytes 0-4/*', 'bytes=0-4', ' 0-4 '])('reads %j', (text) =>
    expect(parseUploadRange(text)).toEqual({ start: 0, end: 5 }),
  );
  it.each(['', '4-0', '-4', '0-', 'a-b', '0-4-5'])('refuses %j', (text) =>
    expect(parseUploadRange(text)).toBeUndefined(),
  );
});
