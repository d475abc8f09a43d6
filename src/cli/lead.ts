import { setTimeout as sleep } from 'node:timers/promises';
import type { Locks } from '../locks/index.js';
import type { Logger } from '../registry/logger.js';

const AGAIN_MS = 1000;

/**
 * What only one of the processes that serve a registry may do: `work` begins when no other process is at it, and again when
 * it failed or the lock was lost, until `signal`. Its own signal tells it to stop at once.
 */
export async function lead(
  { locks, log }: Readonly<{ locks: Locks; log: Logger }>,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<unknown>,
): Promise<void> {
  while (!signal.aborted) {
    try {
      using held = await locks.acquire('lead', 'alone', signal);
      log.debug({}, 'this process does what only one may do');
      await work(AbortSignal.any([signal, held.lost]));
    } catch (error) {
      if (signal.aborted) return;
      log.warn({ error }, 'what only one process may do is begun anew');
      await sleep(AGAIN_MS, undefined, { signal }).catch(() => {});
    }
  }
}
