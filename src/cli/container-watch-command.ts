import type { Command } from 'commander';
import { addChangeableLimitOptions } from './container-options.js';
import type { PruneContainersFlags } from './container-prune.js';
import type { StatsFlags } from './container-stats.js';
import type { UpdateFlags } from './container-update.js';
import { examples } from './help.js';
import { addStoreOptions, type StoreFlags } from './image-store.js';
import { pruneFilterOption, rowsFormat } from './list-options.js';

const CONTAINER = 'name, id or the beginning of an id';

/** What containers do, use and may use. */
export function addWatchCommands(parent: Command): void {
  addTop(parent);
  addStats(parent);
  addPort(parent);
  addUpdate(parent);
}

function addTop(parent: Command): void {
  const command = parent
    .command('top')
    .description('list the processes of a container')
    .argument('<container>', CONTAINER)
    .argument('[options...]', 'of ps; -ef is usual')
    .passThroughOptions()
    .addHelpText('after', examples(['berth top web -o pid,rss,args', 'these columns']))
    .action(async (name: string, args: string[], flags: StoreFlags) => {
      const { showTop } = await import('./container-top.js');
      await showTop(name, args, flags);
    });
  addStoreOptions(command);
}

function addStats(parent: Command): void {
  const command = parent
    .command('stats')
    .description('show what containers use of the machine, again and again')
    .argument('[container...]', 'names, ids or beginnings of ids; else all that run')
    .option('-a, --all', 'those that do not run too')
    .option('--no-stream', 'only once')
    .option('--no-trunc', 'whole ids')
    .option(...rowsFormat('{{.Name}} {{.CPUPerc}}'))
    .addHelpText('after', examples(['berth stats --no-stream', 'what they use now']))
    .action(async (names: string[], flags: StatsFlags) => {
      const { showStats } = await import('./container-stats.js');
      await showStats(names, flags);
    });
  addStoreOptions(command);
}

function addPort(parent: Command): void {
  const command = parent
    .command('port')
    .description('show where the ports of a container are published')
    .argument('<container>', CONTAINER)
    .argument('[port]', 'PORT[/protocol]: only of this one')
    .addHelpText('after', examples(['berth port web 80', 'prints 0.0.0.0:8080']))
    .action(async (name: string, port: string | undefined, flags: StoreFlags) => {
      const { showPorts } = await import('./container-port.js');
      await showPorts(name, port, flags);
    });
  addStoreOptions(command);
}

function addUpdate(parent: Command): void {
  const command = parent
    .command('update')
    .description('change what containers may use, also while they run')
    .argument('<container...>', 'names, ids or beginnings of ids');
  addChangeableLimitOptions(command)
    .option('--restart <policy>', 'no, always, unless-stopped, on-failure[:count]')
    .addHelpText('after', examples(['berth update -m 1g --restart always db', 'at once, and from now on']))
    .action(async (names: string[], flags: UpdateFlags) => {
      const { updateContainers } = await import('./container-update.js');
      await updateContainers(names, flags);
    });
  addStoreOptions(command);
}

/** `berth container prune`. */
export function addPrune(container: Command): void {
  const command = container
    .command('prune')
    .description('remove all containers that do not run')
    .option('-f, --force', 'do not ask')
    .option(...pruneFilterOption('label, label!, until'))
    .addHelpText('after', examples(['berth container prune -f --filter until=24h', 'those made before']))
    .action(async (flags: PruneContainersFlags) => {
      const { pruneEnded } = await import('./container-prune.js');
      await pruneEnded(flags);
    });
  addStoreOptions(command);
}
