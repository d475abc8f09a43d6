import type { Command } from 'commander';
import type { BuilderPruneFlags } from './builder.js';
import { examples } from './help.js';
import { addStoreOptions, type StoreFlags } from './image-store.js';
import { pruneFilterOption } from './list-options.js';

/** `berth builder du|prune`: the cache of builds. */
export function addBuilderCommands(builder: Command): void {
  addStoreOptions(builder.command('du').description('what the build cache holds'))
    .option('--json', 'print JSON')
    .addHelpText('after', examples(['berth builder du', 'the most recently used first']))
    .action(async (flags: StoreFlags & { json?: boolean }) => {
      const { showUsage } = await import('./builder.js');
      await showUsage(flags);
    });
  addStoreOptions(builder.command('prune').description('remove what no image needs from the build cache'))
    .option('-a, --all', 'also what images need: the next build begins from nothing')
    .option('-f, --force', 'do not ask')
    .option(...pruneFilterOption('until=24h: what was not used for so long'))
    .option('--keep-storage <size>', 'leave so much, the least recently used goes first: 10GB')
    .addHelpText(
      'after',
      examples(
        ['berth builder prune -f --filter until=168h', 'what was not used for a week'],
        ['berth builder prune -f --keep-storage 10GB', 'for a job of every night'],
      ),
    )
    .action(async (flags: BuilderPruneFlags) => {
      const { pruneCache } = await import('./builder.js');
      await pruneCache(flags);
    });
}
