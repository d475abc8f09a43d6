import { collectGarbage, heapTidier } from '../memory/index.js';
import type { Logger } from '../registry/logger.js';
import type { RepositoryStore } from '../registry/repositories/index.js';
import { repeat } from './schedule.js';

/** A comparison of index and files that takes less leaves little behind. */
const LONG_CHECK_MS = 1000;
/** What hindered it, such as a store that was away, may pass. */
const AGAIN = { first: 60_000, interval: 60_000 };

type Parts = Readonly<{ store: Pick<RepositoryStore, 'sync'>; log: Logger }>;

/** A failure leaves the check unfinished: each repository is then compared when it is asked for. */
export async function checkIndex({ store, log }: Parts, signal: AbortSignal): Promise<void> {
  try {
    const startedAt = performance.now();
    await store.sync.run({ signal, between: heapTidier() });
    if (performance.now() - startedAt > LONG_CHECK_MS) collectGarbage();
  } catch (error) {
    log.error({ error }, 'the index could not be checked against storage');
  }
}

/** Where nobody else does: until `signal`, again after each failure. */
export async function checkIndexAgain(parts: Parts, signal: AbortSignal, again = AGAIN): Promise<void> {
  await checkIndex(parts, signal);
  await repeat(again, signal, async () => {
    if (parts.store.sync.failure !== undefined) await checkIndex(parts, signal);
  });
}
