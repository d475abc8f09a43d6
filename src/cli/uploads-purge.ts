import { purgeUploads } from '../registry/repositories/index.js';
import { readConfig } from './config.js';
import { consoleLogger } from './console-logger.js';
import { parseAge } from './duration-option.js';
import { openExistingStore } from './open-store.js';

/** Removes uploads that got no byte for too long. A registry that runs meanwhile goes on with the others. */
export async function purge(
  file: string | undefined,
  { olderThan, dryRun }: { olderThan: string; dryRun: boolean },
): Promise<void> {
  const { config } = await readConfig(file, process.env);
  await using opened = await openExistingStore(config, consoleLogger());
  const before = new Date(Date.now() - parseAge('--older-than', olderThan));
  const parts = { driver: opened.driver, uploads: opened.uploads, log: consoleLogger() };
  const { uploads, bytes } = await purgeUploads(parts, before, { dryRun });
  process.stdout.write(`${dryRun ? 'would remove' : 'removed'} ${uploads} uploads, ${bytes} bytes\n`);
}
