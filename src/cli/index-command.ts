import type { Command } from 'commander';
import { addConfigAction, type ConfigFlags } from './config-option.js';
import { examples } from './help.js';

/** `berth index ...`. */
export function addIndexCommands(index: Command): void {
  const rebuild = index
    .command('rebuild')
    .description('read the files again and correct the index; the registry may be running')
    .addHelpText('after', examples(['berth index rebuild config.yml', 'also while berth serve runs']));
  addConfigAction(rebuild, async ({ config }: ConfigFlags) => {
    const { rebuildIndex } = await import('./index-rebuild.js');
    await rebuildIndex(config);
  });
  const list = index
    .command('list')
    .description('list the repositories with their sizes, and when they were last pushed and pulled')
    .option('--json', 'print JSON')
    .addHelpText('after', examples(['berth index list config.yml', 'also while berth serve runs']));
  addConfigAction(list, async ({ config, json = false }: ConfigFlags & { json?: boolean }) => {
    const { listIndex } = await import('./index-list.js');
    await listIndex(config, { json });
  });
}
