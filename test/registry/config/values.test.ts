import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDuration, formatSize, parseDuration, parseSize } from '../../../src/registry/config/index.js';

describe('parseDuration', () => {
  it.each([
    { input: '0', milliseconds: 0 },
    { input: '10s', milliseconds: 10_000 },
    { input: '1h30m', milliseconds: 5_400_000 },
    { input: '168h', milliseconds: 604_800_000 },
    { input: '1.5s', milliseconds: 1500 },
    { input: '.5m', milliseconds: 30_000 },
    { input: '1.s', milliseconds: 1000 },
    { input: '1m1m', milliseconds: 120_000 },
    { input: '-2m', milliseconds: -120_000 },
    { input: '+250ms', milliseconds: 250 },
    { input: '1500us', milliseconds: 1.5 },
    { input: '1500µs', milliseconds: 1.5 },
    { input: '1500μs', milliseconds: 1.5 },
    { input: '2000000ns', milliseconds: 2 },
    { input: 1_000_000_000, milliseconds: 1000 },
    { input: 0, milliseconds: 0 },
  ])('reads $input', ({ input, milliseconds }) => expect(parseDuration(input)).toBeCloseTo(milliseconds, 9));

  it.each([
    { input: '', why: 'empty' },
    { input: '60', why: 'no unit', hint: '"60s"' },
    { input: '7d', why: 'no days in Go' },
    { input: '1h 30m', why: 'a space' },
    { input: '1H', why: 'upper case' },
    { input: 's', why: 'no number' },
    { input: '--1s', why: 'two signs' },
    { input: '9999999h', why: 'longer than Go can count', hint: '292 years' },
    { input: Number.NaN, why: 'not a number', hint: '292 years' },
  ])('refuses $input: $why', ({ input, hint }) => {
    expect(() => parseDuration(input)).toThrow(RangeError);
    expect(() => parseDuration(input)).toThrow(hint ?? 'must be a duration such as 10s');
  });

  it('reads back whatever formatDuration writes', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.integer(),
          fc.integer({ max: 10 ** 12 }).map((n) => n / 1e6),
        ),
        (milliseconds) => {
          expect(parseDuration(formatDuration(milliseconds))).toBeCloseTo(milliseconds, 6);
        },
      ),
      { numRuns: 200 },
    );
  });

  it.each([
    { milliseconds: 0, text: '0s' },
    { milliseconds: 5_400_000, text: '1h30m' },
    { milliseconds: 604_800_000, text: '168h' },
    { milliseconds: 61_001, text: '1m1s1ms' },
    { milliseconds: 0.00001, text: '10ns' },
    { milliseconds: -1000, text: '-1s' },
  ])('writes $text', ({ milliseconds, text }) => expect(formatDuration(milliseconds)).toBe(text));
});

describe('parseSize', () => {
  it.each([
    { input: 4096, bytes: 4096 },
    { input: '512', bytes: 512 },
    { input: '512B', bytes: 512 },
    { input: '4MiB', bytes: 4_194_304 },
    { input: '4Mi', bytes: 4_194_304 },
    { input: '4M', bytes: 4_194_304 },
    { input: '4MB', bytes: 4_000_000 },
    { input: '1.5 gib', bytes: 1_610_612_736 },
    { input: '100kb', bytes: 100_000 },
  ])('reads $input', ({ input, bytes }) => expect(parseSize(input)).toBe(bytes));

  it.each(['', 'MiB', '-1', -1, '4XB', '0.5', '1e3', '9PiB', Number.NaN])('refuses %s', (input) =>
    expect(() => parseSize(input)).toThrow(RangeError),
  );

  it.each([
    { bytes: 0, text: '0' },
    { bytes: 1500, text: '1500' },
    { bytes: 131_072, text: '128KiB' },
    { bytes: 104_857_600, text: '100MiB' },
  ])('is written $text', ({ bytes, text }) => expect(formatSize(bytes)).toBe(text));
});
