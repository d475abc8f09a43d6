import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { scheduleEviction } from '../../src/cli/schedule-eviction.js';
import type { Logger } from '../../src/registry/logger.js';
import { RepositoryBlobs } from '../../src/registry/repositories/index.js';
import { Origins, type PullThroughCache, Upstreams } from '../../src/registry/upstreams/index.js';
import { openMemoryRegistry } from '../registry/repositories/memory-registry.js';

it('copies are looked at once the index was compared with the files, which is said once', async () => {
  const { store } = openMemoryRegistry();
  const said: string[] = [];
  const say = (level: string) => (_fields: object, message: string) => said.push(`${level}: ${message}`);
  const log: Logger = { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') };
  const told = ['info: copies are given up once the index was compared with the files'];
  let [complete, looks] = [false, 0];
  const sync = new Proxy(store.sync, {
    get: (target, name) => (name === 'complete' ? complete : Reflect.get(target, name, target)),
  });
  const rule = { maxBytes: 1, ttl: 1, upstream: { host: 'up.example' } };
  const takeGrowth = () => {
    looks += 1;
    return true;
  };
  const cache = { rule, takeGrowth, covers: () => true } as unknown as PullThroughCache;
  const stop = new AbortController();
  const ended = scheduleEviction(
    {
      store: { ...store, sync },
      blobs: new RepositoryBlobs(store),
      origins: new Origins(store),
      pulls: { flush: async () => {} },
      upstreams: new Upstreams([cache]),
      log,
    },
    stop.signal,
    { first: 5, interval: 5 },
  );
  onTestFinished(async () => {
    stop.abort();
    await ended;
  });
  await sleep(100);
  expect([looks, said]).toEqual([0, told]);
  complete = true;
  await expect.poll(() => looks).toBeGreaterThan(1);
  expect(said).toEqual(told);
});
