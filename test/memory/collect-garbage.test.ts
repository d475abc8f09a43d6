import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { collectGarbage } from '../../src/memory/index.js';

describe('collectGarbage', () => {
  it('frees what nothing needs, and leaves no function behind', async () => {
    const gone = new WeakRef(new Array(1000).fill('something'));
    await setImmediate(); // it lives until the end of the job that made the reference
    collectGarbage();
    expect(gone.deref() === undefined).toBe(true);
    expect(globalThis.gc).toBeUndefined();
  });
});
