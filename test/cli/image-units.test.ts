import { describe, expect, it } from 'vitest';
import { ago, binarySize, humanDuration, humanSize } from '../../src/cli/image-units.js';

describe('sizes and times', () => {
  it.each([
    [0, '0B'],
    [999, '999B'],
    [1000, '1kB'],
    [4_261_234, '4.26MB'],
    [123_456_789, '123MB'],
    [1.5e12, '1.5TB'],
  ])('%d bytes are %s', (bytes, text) => expect(humanSize(bytes)).toBe(text));

  it.each([
    [0, '0B'],
    [1023, '1023B'],
    [282_624, '276KiB'],
    [64 * 1024 ** 2, '64MiB'],
    [1.5 * 1024 ** 3, '1.5GiB'],
  ])('%d bytes of memory are %s', (bytes, text) => expect(binarySize(bytes)).toBe(text));

  it.each([
    [0.2, 'Less than a second'],
    [1, '1 second'],
    [59, '59 seconds'],
    [70, 'About a minute'],
    [600, '10 minutes'],
    [3600, 'About an hour'],
    [36_000, '10 hours'],
    [86_400 * 3, '3 days'],
    [86_400 * 20, '2 weeks'],
    [86_400 * 100, '3 months'],
    [86_400 * 800, '2 years'],
  ])('%d seconds are %s', (seconds, text) => expect(humanDuration(seconds)).toBe(text));

  it('tells when an image has no time', () => expect(ago(undefined, 0)).toBe('N/A'));
});
