import { describe, expect, it } from 'vitest';
import { Throttle } from '../../../src/registry/verify/throttle.js';

describe('Throttle', () => {
  it('keeps all who take from it together below the bound', async () => {
    const throttle = new Throttle(1_000_000);
    const startedAt = performance.now();
    await Promise.all([throttle.take(100_000), throttle.take(50_000)]);
    await throttle.take(50_000);
    // What was not used before it began, it has in store: a tenth of a second.
    expect(performance.now() - startedAt).toBeGreaterThan(90);
  });

  it('does not wait where there is no bound', async () => {
    const throttle = new Throttle(undefined, () => 0);
    for (let i = 0; i < 1000; i++) await throttle.take(1e12);
  });

  it('ends with its signal', async () => {
    const stopping = new AbortController();
    const waiting = new Throttle(1).take(1_000_000, stopping.signal);
    stopping.abort();
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
  });
});
