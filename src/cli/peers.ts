import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MetadataIndex } from '../index/index.js';
import type { Locks } from '../locks/index.js';
import type { Logger } from '../registry/logger.js';
import type { RepositoryStore } from '../registry/repositories/index.js';
import { checkIndex } from './check-index.js';
import { type Duty, lead } from './lead.js';
import { repeat } from './schedule.js';

/** How soon a process learns what others found. */
const LOOK = { first: 0, interval: 1000 };
/** Held, together, by every process that serves the registry. */
const SERVING = 'serving';

type Parts = Readonly<{ locks: Locks; store: RepositoryStore; log: Logger }>;

/**
 * One of several processes that serve a registry, until `signal`: one of them compares the index with the files, and does
 * the `duties` that only one may do.
 */
export async function serveWithPeers(
  { locks, store, log }: Parts,
  signal: AbortSignal,
  duties: readonly Duty[],
): Promise<void> {
  await insist(log, signal, () => distrustIfFirst(locks, store.index));
  await Promise.all([
    beCounted({ locks, log }, signal),
    repeat(LOOK, signal, () => store.sync.check().catch((error) => tellLater(log, error))),
    lead({ locks, log }, signal, [(signal) => compare({ store, log }, signal), ...duties]),
  ]);
}

async function compare(parts: Omit<Parts, 'locks'>, signal: AbortSignal): Promise<void> {
  await repeat(LOOK, signal, async () => {
    if (!parts.store.sync.complete) await checkIndex(parts, signal);
  });
}

/** While nobody served, anything may have happened to the files. */
async function distrustIfFirst(locks: Locks, index: MetadataIndex): Promise<void> {
  using first = await locks.tryAcquire(SERVING, 'alone');
  if (first) await index.comparison.begin();
}

async function beCounted({ locks, log }: Omit<Parts, 'store'>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await insist(log, signal, async () => {
      using held = await locks.acquire(SERVING, 'together', signal);
      await once(AbortSignal.any([signal, held.lost]), 'abort');
    });
  }
}

/** Again and again: the database that has the locks may be away for a while. */
async function insist(log: Logger, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    try {
      return await work();
    } catch (error) {
      tellLater(log, error);
      await sleep(LOOK.interval, undefined, { signal }).catch(() => {});
    }
  }
}

/** Health checks and requests say so where people look. */
function tellLater(log: Logger, error: unknown): void {
  log.debug({ error }, 'nothing can be agreed with other processes now');
}
