import { describe, expect, it } from 'vitest';
import { parseSignal } from '../../src/oci/index.js';

describe('parseSignal', () => {
  it.each<[text: string, number: number]>([
    ['9', 9],
    ['KILL', 9],
    ['SIGKILL', 9],
    ['sigkill', 9],
    ['SIGTERM', 15],
    ['SIGRTMIN', 34],
    ['SIGRTMIN+3', 37],
    ['RTMAX-1', 63],
    ['SIGRTMAX', 64],
    ['64', 64],
  ])('reads %s', (text, number) => expect(parseSignal(text)).toBe(number));

  it.each(['', '0', '65', 'SIG', 'SIGNOPE', 'RTMAX+1', 'RTMIN-1', '-9', '9 '])('refuses %j', (text) =>
    expect(() => parseSignal(text)).toThrow(RangeError),
  );
});
