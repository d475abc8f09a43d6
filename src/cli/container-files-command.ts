import type { Command } from 'commander';
import type { CommitFlags } from './container-commit.js';
import type { CopyFlags } from './container-copy.js';
import type { ContainerExportFlags } from './container-export.js';
import { examples } from './help.js';
import { addStoreOptions, type StoreFlags } from './image-store.js';

const ONE = 'name, id or the beginning of an id';

/** Commands for the files of containers. */
export function addContainerFilesCommands(parent: Command): void {
  addCopy(parent);
  addDiff(parent);
  addCommit(parent);
}

function addCopy(parent: Command): void {
  const command = parent
    .command('cp')
    .description('copy files out of a container, or into it, whether it runs or not')
    .argument('<source>', 'CONTAINER:PATH, a path of this machine, or - for a tar on standard input')
    .argument('<destination>', 'PATH, CONTAINER:PATH, or - for a tar on standard output')
    .option('-a, --archive', 'keep owners; out of a container setuid bits and devices too')
    .option('-L, --follow-link', 'copy what a link leads to')
    .option('-q, --quiet', 'say nothing')
    .addHelpText(
      'after',
      examples(
        ['berth cp web:/etc/nginx/nginx.conf .', 'out of it'],
        ['berth cp site/. web:/usr/share/nginx/html', 'into it: what is in the directory, not itself'],
        ['berth cp web:/var/log - | tar -t', 'as a tar'],
      ),
    )
    .action(async (source: string, destination: string, flags: CopyFlags) => {
      const { copyFiles } = await import('./container-copy.js');
      await copyFiles(source, destination, flags);
    });
  addStoreOptions(command);
}

function addDiff(parent: Command): void {
  const command = parent
    .command('diff')
    .description('show which files a container added (A), changed (C) and deleted (D)')
    .argument('<container>', ONE)
    .addHelpText('after', examples(['berth diff web', 'what is not as in its image']))
    .action(async (name: string, flags: StoreFlags) => {
      const { showChanges } = await import('./container-export.js');
      await showChanges(name, flags);
    });
  addStoreOptions(command);
}

function addCommit(parent: Command): void {
  const command = parent
    .command('commit')
    .description('make an image of a container, and print its id')
    .argument('<container>', ONE)
    .argument('[name]', '[registry/]repository[:tag]')
    .option('-a, --author <author>', 'who made it')
    .option('-c, --change <instruction>', 'of a Dockerfile, such as CMD or ENV', collect, [])
    .option('-m, --message <text>', 'for the history')
    .option('-p, --pause', 'hold its processes meanwhile, as is usual')
    .option('--no-pause', 'let them go on')
    .addHelpText('after', examples([`berth commit -c 'CMD ["nginx"]' web web:2`, 'with its changes']))
    .action(async (name: string, image: string | undefined, flags: CommitFlags) => {
      const { commit } = await import('./container-commit.js');
      await commit(name, image, flags);
    });
  addStoreOptions(command);
}

/** `berth container export`; `berth export` takes images too. */
export function addContainerExport(container: Command): void {
  const command = container
    .command('export')
    .description('write all files of a container as one tar')
    .argument('<container>', ONE)
    .option('-o, --output <file>', 'instead of standard output')
    .addHelpText(
      'after',
      examples(['berth container export -o web.tar web', 'without what is in its volumes']),
    )
    .action(async (name: string, flags: ContainerExportFlags) => {
      const { exportContainer } = await import('./container-export.js');
      await exportContainer(name, flags);
    });
  addStoreOptions(command);
}

function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}
