import type { Uploads } from '../../content/index.js';
import type { StorageDriver } from '../../storage/index.js';
import type { Logger } from '../logger.js';
import { removeProbes } from '../write-probe.js';
import { walkUploaders } from './walk.js';

export type PurgeResult = Readonly<{ uploads: number; bytes: number }>;

/**
 * Removes uploads that got no byte since `olderThan`, and what writes that never finished left behind.
 * @param options `dryRun` counts without removing.
 */
export async function purgeUploads(
  { driver, uploads, log }: { driver: StorageDriver; uploads: Uploads; log: Logger },
  olderThan: Date,
  options: { dryRun: boolean; signal?: AbortSignal },
): Promise<PurgeResult> {
  let count = 0;
  let bytes = 0;
  for await (const repository of walkUploaders(driver)) {
    for await (const upload of uploads.list(repository)) {
      if (options.signal?.aborted) return { uploads: count, bytes };
      if (upload.activeAt >= olderThan) continue;
      if (!options.dryRun && !(await uploads.purge(upload))) continue;
      log.info(
        { repository, upload: upload.id, bytes: upload.offset, dryRun: options.dryRun },
        options.dryRun ? 'upload would be purged' : 'upload purged',
      );
      count += 1;
      bytes += upload.offset;
    }
  }
  if (!options.dryRun) {
    await driver.removeLeftovers(olderThan);
    await removeProbes(driver, olderThan);
  }
  return { uploads: count, bytes };
}
