import type { Command } from 'commander';
import type { DiskUsageFlags } from './disk-usage.js';
import { examples } from './help.js';
import { addStoreOptions, type StoreFlags } from './image-store.js';
import { filterOption, pruneFilterOption, rowsFormat, thingFormat } from './list-options.js';
import type { SystemEventsFlags } from './system-events.js';
import type { SystemPruneFlags } from './system-prune.js';

/** `berth system ...`. */
export function addSystemCommands(system: Command): void {
  addInfo(system, 'berth system info');
  addDiskUsage(system);
  addPrune(system);
  addSystemEvents(
    system.command('events').description('show what happens to containers, images, volumes and networks'),
    'berth system events',
  );
}

/** `berth version` and `berth info`. */
export function addAboutCommands(program: Command): void {
  program
    .command('version')
    .description('print the versions of the program and of the API')
    .option(...thingFormat('{{.Server.Version}}'))
    .addHelpText('after', examples(["berth version -f '{{.Server.APIVersion}}'", 'which clients fit']))
    .action(async (flags: { format?: string }) => {
      const { showVersion } = await import('./version-info.js');
      showVersion(flags);
    });
  addInfo(program, 'berth info');
}

/** @param path what to type. */
function addInfo(parent: Command, path: string): void {
  const command = parent
    .command('info')
    .description('show what this machine has and can: containers, images, drivers, limits')
    .option(...thingFormat('{{.CgroupVersion}}'))
    .addHelpText('after', examples([`${path} -f '{{.DockerRootDir}}'`, 'where images and containers are']))
    .action(async (flags: StoreFlags & { format?: string }) => {
      const { showInfo } = await import('./system-info.js');
      await showInfo(flags);
    });
  addStoreOptions(command);
}

function addDiskUsage(system: Command): void {
  const command = system
    .command('df')
    .description('show what takes space: images, containers, volumes, build cache')
    .option('-v, --verbose', 'each of them')
    .option(...rowsFormat('{{.Type}} {{.Size}}'))
    .addHelpText('after', examples(['berth system df -v', 'and which of it could go']))
    .action(async (flags: DiskUsageFlags) => {
      const { showDiskUsage } = await import('./disk-usage.js');
      await showDiskUsage(flags);
    });
  addStoreOptions(command);
}

function addPrune(system: Command): void {
  const command = system
    .command('prune')
    .description('remove what nothing needs: ended containers, networks, images without a name, build cache')
    .option('-a, --all', 'all images that no container needs, and all build cache')
    .option('--volumes', 'anonymous volumes that no container has too')
    .option('-f, --force', 'do not ask')
    .option(...pruneFilterOption('label=..., label!=..., until=24h'))
    .addHelpText(
      'after',
      examples(['berth system prune -f --filter until=24h', 'without asking; only what is old']),
    )
    .action(async (flags: SystemPruneFlags) => {
      const { pruneSystem } = await import('./system-prune.js');
      await pruneSystem(flags);
    });
  addStoreOptions(command);
}

/** What `berth events` and `berth system events` are. @param path what to type. */
export function addSystemEvents(command: Command, path: string): void {
  command
    .option('--since <time>', 'what was from then on, too: 10m, or 2026-01-31T12:00:00Z')
    .option('--until <time>', 'up to then')
    .option(...filterOption('type, event, container, image, label, network, volume'))
    .option('--format <format>', 'json, or a template: {{.Type}} {{.Action}}')
    .addHelpText(
      'after',
      examples(
        [`${path} --since 10m --filter type=container`, 'and what follows'],
        [`${path} --filter event=health_status`, 'how containers are'],
      ),
    )
    .action(async (flags: SystemEventsFlags) => {
      const { showEvents } = await import('./system-events.js');
      await showEvents(flags);
    });
  addStoreOptions(command);
}
