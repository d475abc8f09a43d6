import { readConfig } from './config.js';
import { consoleLogger } from './console-logger.js';
import { indexPath, openStore } from './open-store.js';

/**
 * Reads everything again that is indexed, and corrects the index one repository at a time: a registry that runs
 * meanwhile is not disturbed.
 * @throws {Error} some repositories could not be read.
 */
export async function rebuildIndex(file: string | undefined): Promise<void> {
  const { config } = await readConfig(file, process.env);
  const path = indexPath(config);
  if (path === ':memory:')
    throw new Error('storage is in memory: its index lives and ends with the registry');
  await using opened = await openStore(config, consoleLogger());
  const started = performance.now();
  const { repositories, failed } = await opened.store.sync.run({ reread: true });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  process.stdout.write(`${path}: ${repositories - failed} repositories agree with storage (${seconds} s)\n`);
  if (failed > 0) throw new Error(`${failed} repositories could not be compared`);
}
