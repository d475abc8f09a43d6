import { expect, it, vi } from 'vitest';
import { checkIndexAgain } from '../../src/cli/check-index.js';
import { openMemoryRegistry, WalkingDriver } from '../registry/repositories/memory-registry.js';

it('the index is compared again where that has failed, until it succeeds', async () => {
  const driver = new WalkingDriver();
  const { store } = openMemoryRegistry({ driver });
  const walk = vi.spyOn(driver, 'walk').mockImplementation(() => {
    throw new Error('the bucket is away');
  });
  const errors: unknown[] = [];
  const log = { debug() {}, info() {}, warn() {}, error: (fields: object) => errors.push(fields) };
  const stop = new AbortController();
  const running = checkIndexAgain({ store, log }, stop.signal, { first: 5, interval: 5 });
  await expect.poll(() => errors.length).toBeGreaterThan(1);
  expect(errors[0]).toEqual({ error: new Error('the bucket is away') });
  expect(store.sync.complete).toBe(false);
  walk.mockRestore();
  await expect.poll(() => store.sync.complete).toBe(true);
  stop.abort();
  await running;
});
