import { setTimeout as sleep } from 'node:timers/promises';
import type { Uploads } from '../content/index.js';
import type { Config } from '../registry/config/index.js';
import type { Logger } from '../registry/logger.js';
import { purgeUploads } from '../registry/repositories/index.js';
import type { StorageDriver } from '../storage/index.js';

const MINUTE_MS = 60_000;
/** Registries that are started together should not all walk their storage at the same moment. */
const MAX_FIRST_WAIT_MS = 59 * MINUTE_MS;

type Parts = Readonly<{ driver: StorageDriver; uploads: Uploads; log: Logger }>;

/** Removes uploads that were given up, now and then, until `signal`. `storage.maintenance` of the configuration. */
export async function schedulePurges({ storage }: Config, parts: Parts, signal: AbortSignal): Promise<void> {
  const { uploadpurging, readonly } = storage.maintenance;
  if (!uploadpurging.enabled || readonly.enabled) return;
  let wait = Math.min(Math.random() * MAX_FIRST_WAIT_MS, uploadpurging.interval);
  while (await slept(wait, signal)) {
    const olderThan = new Date(Date.now() - uploadpurging.age);
    try {
      const purged = await purgeUploads(parts, olderThan, { dryRun: uploadpurging.dryrun, signal });
      parts.log.info({ ...purged, dryRun: uploadpurging.dryrun }, 'old uploads purged');
    } catch (error) {
      parts.log.error({ error }, 'old uploads could not be purged');
    }
    wait = uploadpurging.interval;
  }
}

async function slept(milliseconds: number, signal: AbortSignal): Promise<boolean> {
  // Timers end at 2^31 ms; longer intervals come round a little early, which harms nothing.
  const wait = sleep(Math.min(milliseconds, 2 ** 31 - 1), true, { signal, ref: false });
  return wait.catch(() => false);
}
