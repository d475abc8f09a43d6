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
/** Held by the one that does what any of them can do. */
const UPKEEP = 'upkeep';

/** Each is for one process at a time. */
export type Duties = Readonly<{
  ofAny: readonly Duty[];
  /** Of those that change something by themselves; none where this process must not. */
  ofWriters: readonly Duty[] | undefined;
}>;

type Parts = Readonly<{ locks: Locks; store: RepositoryStore; log: Logger }>;

/**
 * One of several processes that serve a registry, until `signal`: one of them compares the index with the files, and does
 * what else only one may do. Whoever only reads stands in the way of none that writes.
 */
export async function serveWithPeers(
  { locks, store, log }: Parts,
  signal: AbortSignal,
  { ofAny, ofWriters }: Duties,
): Promise<void> {
  await insist(log, signal, () => distrustIfFirst(locks, store.index));
  const upkeep: Duty = (until) =>
    lead({ locks, log, key: UPKEEP }, until, [(until) => compare({ store, log }, until), ...ofAny]);
  await Promise.all([
    beCounted({ locks, log }, signal),
    repeat(LOOK, signal, () => store.sync.check().catch((error) => tellLater(log, error))),
    ofWriters ? lead({ locks, log }, signal, [upkeep, ...ofWriters]) : upkeep(signal),
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
