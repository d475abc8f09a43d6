import { heapTidier } from '../memory/index.js';
import { readConfig } from './config.js';
import { consoleLogger } from './console-logger.js';
import { findIndex } from './open-index.js';
import { openExistingStore } from './open-store.js';

/**
 * Reads everything again that is indexed, and corrects the index one repository at a time: a registry that runs
 * meanwhile is not disturbed.
 * @throws {Error} some repositories could not be read.
 */
export async function rebuildIndex(file: string | undefined): Promise<void> {
  const { config } = await readConfig(file, process.env);
  await using opened = await openExistingStore(config, { ...consoleLogger(), info: () => {} });
  const started = performance.now();
  const { repositories, failed } = await opened.store.sync.run({ reread: true, between: heapTidier() });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const agreeing = repositories - failed;
  const agree = agreeing === 1 ? 'repository agrees' : 'repositories agree';
  process.stdout.write(
    `${findIndex(config, process.env).name}: ${agreeing} ${agree} with storage (${seconds} s)\n`,
  );
  if (failed > 0) throw new Error(`${failed} repositories could not be compared`);
}
