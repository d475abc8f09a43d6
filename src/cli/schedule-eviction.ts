import type { Logger } from '../registry/logger.js';
import { Eviction, type Upstreams } from '../registry/upstreams/index.js';
import { repeat } from './schedule.js';

/** Soon after a copy has grown beyond its bound. */
const LOOK = { first: 5000, interval: 5000 };
/** What nobody asks for need not go at once. */
const EXPIRE_EVERY_MS = 10 * 60_000;

type Parts = ConstructorParameters<typeof Eviction>[0] & Readonly<{ upstreams: Upstreams; log: Logger }>;

/** Keeps copies within their bounds until `signal`. */
export async function scheduleEviction(
  { upstreams, log, ...parts }: Parts,
  signal: AbortSignal,
  look: Parameters<typeof repeat>[0] = LOOK,
): Promise<void> {
  const { index, locks, sync } = parts.store;
  const eviction = new Eviction(parts);
  let expireAt = 0;
  let waits = false;
  await repeat(look, signal, async () => {
    if (!sync.complete) {
      if (!waits) log.info({}, 'copies are given up once the index was compared with the files');
      waits = true;
      return;
    }
    const expires = performance.now() >= expireAt;
    if (expires) expireAt = performance.now() + EXPIRE_EVERY_MS;
    for (const cache of upstreams.caches) {
      const { maxBytes, ttl, upstream } = cache.rule;
      const grown = cache.takeGrowth();
      const mayBeFull = maxBytes !== undefined && (grown || locks.shared); // what others fetch, only the index tells
      const isOld = expires && (ttl > 0 || maxBytes !== undefined);
      if (!mayBeFull && !isOld) continue;
      try {
        const all = await index.allRepositories();
        const covered = all.filter((repository) => cache.covers(repository));
        if (!isOld && !(await eviction.isDue(cache, covered))) continue;
        const evicted = await eviction.run(cache, covered, signal);
        if (evicted.bytes > 0) log.info({ ...evicted, upstream: upstream.host }, 'copies were given up');
      } catch (error) {
        log.warn({ error, upstream: upstream.host }, 'copies could not be given up');
      }
    }
  });
}
