import type { Command } from 'commander';
import { addConfigAction, type ConfigFlags } from './config-option.js';
import { examples } from './help.js';

type PurgeFlags = ConfigFlags & Readonly<{ olderThan: string; dryRun?: boolean }>;

/** `berth uploads ...`. */
export function addUploadsCommands(uploads: Command): void {
  const purge = uploads
    .command('purge')
    .description('remove uploads that were given up; the registry does it by itself too')
    .option('--older-than <duration>', 'only those that got no byte for so long', '168h')
    .option('--dry-run', 'only say what would be removed')
    .addHelpText('after', examples(['berth uploads purge --older-than 24h --dry-run', 'see what is there']));
  addConfigAction(purge, async ({ config, olderThan, dryRun = false }: PurgeFlags) => {
    const { purge } = await import('./uploads-purge.js');
    await purge(config, { olderThan, dryRun });
  });
}
