import { setTimeout as sleep } from 'node:timers/promises';
import type { Locks } from '../locks/index.js';
import type { Logger } from '../registry/logger.js';

const AGAIN_MS = 1000;

export type Duty = (signal: AbortSignal) => Promise<unknown>;

/** Held by the process that changes what only one may change, but for what has a lock of its own. */
export const LEAD = 'lead';

/**
 * What only one of the processes that serve a registry may do: all of it begins when no other process is at it, and again when
 * some of it failed or the lock was lost, until `signal`. Its own signal tells each to stop at once.
 */
export async function lead(
  { locks, log, key = LEAD }: Readonly<{ locks: Locks; log: Logger; key?: string }>,
  signal: AbortSignal,
  duties: readonly Duty[],
): Promise<void> {
  while (!signal.aborted) {
    try {
      using held = await locks.acquire(key, 'alone', signal);
      log.debug({ key }, 'this process does what only one may do');
      await doAll(duties, AbortSignal.any([signal, held.lost]));
    } catch (error) {
      if (signal.aborted) return;
      log.warn({ error, key }, 'what only one process may do is begun anew');
      await sleep(AGAIN_MS, undefined, { signal }).catch(() => {});
    }
  }
}

/** When one fails, the others are told to stop, and waited for: they must not go on beside those of another process. */
async function doAll(duties: readonly Duty[], signal: AbortSignal): Promise<void> {
  const failed = new AbortController();
  const until = AbortSignal.any([signal, failed.signal]);
  await Promise.allSettled(duties.map((duty) => duty(until).catch((error: unknown) => failed.abort(error))));
  failed.signal.throwIfAborted();
}
