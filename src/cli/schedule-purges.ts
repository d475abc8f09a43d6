import type { Uploads } from '../content/index.js';
import type { Config } from '../registry/config/index.js';
import type { Logger } from '../registry/logger.js';
import { purgeUploads } from '../registry/repositories/index.js';
import type { StorageDriver } from '../storage/index.js';
import { repeat } from './schedule.js';

const MINUTE_MS = 60_000;
/** Registries that are started together should not all walk their storage at the same moment. */
const MAX_FIRST_WAIT_MS = 59 * MINUTE_MS;

type Parts = Readonly<{ driver: StorageDriver; uploads: Uploads; log: Logger }>;

/** Removes uploads that were given up, now and then, until `signal`. `storage.maintenance` of the configuration. */
export async function schedulePurges({ storage }: Config, parts: Parts, signal: AbortSignal): Promise<void> {
  const { uploadpurging } = storage.maintenance;
  if (!uploadpurging.enabled) return;
  const { interval, age, dryrun: dryRun } = uploadpurging;
  const first = Math.min(Math.random() * MAX_FIRST_WAIT_MS, interval);
  await repeat({ first, interval }, signal, async () => {
    try {
      const purged = await purgeUploads(parts, new Date(Date.now() - age), { dryRun, signal });
      parts.log.info({ ...purged, dryRun }, 'old uploads purged');
    } catch (error) {
      parts.log.error({ error }, 'old uploads could not be purged');
    }
  });
}
