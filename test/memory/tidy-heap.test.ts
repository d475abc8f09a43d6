import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { heapTidier } from '../../src/memory/index.js';

const PIECE = 8 * 1024 ** 2;

describe('heapTidier', () => {
  it('gives back what was left once that is much, and not before', async () => {
    const tidy = heapTidier();
    const left = [new WeakRef(new Uint8Array(PIECE))];
    await setImmediate(); // it lives until the end of the job that made the reference
    tidy();
    expect(left[0]?.deref()).toBeDefined();
    await setImmediate();
    left.push(new WeakRef(new Uint8Array(PIECE)), new WeakRef(new Uint8Array(PIECE)));
    await setImmediate();
    tidy();
    expect(left.every((each) => each.deref() === undefined)).toBe(true);
  });
});
