import type { Logger } from '../registry/logger.js';
import {
  type Evicted,
  Eviction,
  type PullThroughCache,
  type Upstreams,
} from '../registry/upstreams/index.js';
import { repeat } from './schedule.js';

/** Soon after a copy has grown beyond its bound. */
const LOOK = { first: 5000, interval: 5000 };
/** What nobody asks for need not go at once. */
const EXPIRE_EVERY_MS = 10 * 60_000;

type EvictionParts = ConstructorParameters<typeof Eviction>[0];
type Parts = EvictionParts & Readonly<{ upstreams: Upstreams; log: Logger }>;

/** Keeps copies within their bounds until `signal`. */
export async function scheduleEviction(
  { upstreams, log, ...parts }: Parts,
  signal: AbortSignal,
  look = LOOK,
): Promise<void> {
  let expireAt = 0;
  let told = false;
  await repeat(look, signal, async () => {
    if (!parts.store.sync.complete) {
      if (!told) log.info({}, 'copies are given up once the index was compared with the files');
      told = true;
      return;
    }
    const expires = performance.now() >= expireAt;
    if (expires) expireAt = performance.now() + EXPIRE_EVERY_MS;
    for (const cache of upstreams.caches) {
      const { host } = cache.rule.upstream;
      try {
        const evicted = await evictFrom(cache, parts, { expires, signal });
        if (evicted && evicted.bytes > 0) log.info({ ...evicted, upstream: host }, 'copies were given up');
      } catch (error) {
        log.warn({ error, upstream: host }, 'copies could not be given up');
      }
    }
  });
}

/** @returns nothing where nothing can be due. */
async function evictFrom(
  cache: PullThroughCache,
  parts: EvictionParts,
  { expires, signal }: { expires: boolean; signal: AbortSignal },
): Promise<Evicted | undefined> {
  const { index, locks } = parts.store;
  const { maxBytes, ttl } = cache.rule;
  const grown = cache.takeGrowth();
  const mayBeFull = maxBytes !== undefined && (grown || locks.shared); // what others fetch, only the index tells
  const mayExpire = expires && (ttl > 0 || maxBytes !== undefined);
  if (!mayBeFull && !mayExpire) return undefined;
  const eviction = new Eviction(parts);
  const covered = (await index.allRepositories()).filter((repository) => cache.covers(repository));
  if (!mayExpire && !(await eviction.isFull(cache, covered))) return undefined;
  return eviction.run(cache, covered, signal);
}
