import { memoryUsage } from 'node:process';
import { describe, expect, it } from 'vitest';
import { noteReceived } from '../../src/memory/index.js';

const CHUNK = 64 * 1024;
const CHUNKS = 10_000;

describe('noteReceived', () => {
  it('keeps down the memory of chunks that were needed for a moment', () => {
    const before = memoryUsage().arrayBuffers;
    let most = 0;
    for (let i = 0; i < CHUNKS; i += 1) {
      noteReceived(Buffer.allocUnsafeSlow(CHUNK).byteLength);
      most = Math.max(most, memoryUsage().arrayBuffers - before);
    }
    expect(most).toBeLessThan(24 * 1024 ** 2);
  });
});
