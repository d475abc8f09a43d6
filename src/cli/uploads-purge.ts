import { parseDuration } from '../registry/config/index.js';
import { purgeUploads } from '../registry/repositories/index.js';
import { readConfig } from './config.js';
import { consoleLogger } from './console-logger.js';
import { UsageError } from './failure.js';
import { openExistingStore } from './open-store.js';

/** Removes uploads that got no byte for too long. A registry that runs meanwhile goes on with the others. */
export async function purge(
  file: string | undefined,
  { olderThan, dryRun }: { olderThan: string; dryRun: boolean },
): Promise<void> {
  const { config } = await readConfig(file, process.env);
  await using opened = await openExistingStore(config, consoleLogger());
  const parts = { driver: opened.driver, uploads: opened.uploads, log: consoleLogger() };
  const { uploads, bytes } = await purgeUploads(parts, new Date(Date.now() - ageOf(olderThan)), { dryRun });
  process.stdout.write(`${dryRun ? 'would remove' : 'removed'} ${uploads} uploads, ${bytes} bytes\n`);
}

function ageOf(text: string): number {
  try {
    return parseDuration(text);
  } catch (error) {
    throw new UsageError(`--older-than: ${text} is not a duration such as 24h`, { cause: error });
  }
}
