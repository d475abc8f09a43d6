import type { Command } from 'commander';
import { examples } from './help.js';
import { filterOption, rowsFormat } from './list-options.js';
import { addRegistryOptions, type RegistryFlags } from './registry-options.js';
import { parseWholeNumber } from './whole-number.js';

export type SearchFlags = RegistryFlags &
  Readonly<{ limit?: number; filter: readonly string[]; format?: string; trunc?: boolean }>;

/** `berth search`. */
export function addSearchCommand(program: Command): void {
  const command = program
    .command('search')
    .description('look for images by a word, where the registry has a search')
    .argument('<term>', '[registry/]word; without a registry Docker Hub is asked')
    .option('--limit <count>', 'no more results: 1 to 100', parseWholeNumber(1), 25)
    .option(...filterOption('is-official=true, stars=3'))
    .option('--no-trunc', 'whole descriptions')
    .option(...rowsFormat('{{.Name}} {{.StarCount}}'));
  addRegistryOptions(command)
    .addHelpText(
      'after',
      examples(
        ['berth search localhost:5000/team', 'repositories of this registry, by a part of the name'],
        ['berth search --filter is-official=true debian', 'on Docker Hub'],
      ),
    )
    .action(async (term: string, flags: SearchFlags) => {
      const { searchRegistry } = await import('./search.js');
      await searchRegistry(term, flags);
    });
}
