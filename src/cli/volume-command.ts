import type { Command } from 'commander';
import { examples } from './help.js';
import { addStoreOptions } from './image-store.js';
import { filterOption, pruneFilterOption, rowsFormat, thingFormat } from './list-options.js';
import { collect } from './repeated-option.js';
import type {
  CreateVolumeFlags,
  InspectVolumeFlags,
  ListVolumesFlags,
  PruneVolumesFlags,
  RemoveVolumesFlags,
} from './volume.js';

/** `berth volume ...`, with docker's flags. */
export function addVolumeCommands(volume: Command): void {
  addCreate(volume);
  addList(volume);
  addInspect(volume);
  addRemove(volume);
  addPrune(volume);
}

function addCreate(volume: Command): void {
  const command = volume
    .command('create')
    .description('make a volume')
    .argument('[name]', 'of the volume; else a long number')
    .option('-d, --driver <driver>', 'there is only local', 'local')
    .option('-o, --opt <key=value>', 'of the driver: type, device, o', collect, [])
    .option('--label <label>', 'key=value', collect, [])
    .addHelpText(
      'after',
      examples(
        ['berth volume create --label team=blue data', 'a directory that outlives containers'],
        [
          'berth volume create -o type=tmpfs -o device=tmpfs -o o=size=64m fast',
          'in memory, while it is used',
        ],
      ),
    )
    .action(async (name: string | undefined, flags: CreateVolumeFlags) => {
      const { createVolume } = await import('./volume.js');
      await createVolume(name, flags);
    });
  addStoreOptions(command);
}

function addList(volume: Command): void {
  const command = volume
    .command('ls')
    .alias('list')
    .description('list the volumes')
    .option('-q, --quiet', 'only the names')
    .option(...filterOption('dangling, driver, label, name'))
    .option(...rowsFormat('{{.Name}} {{.Mountpoint}}'))
    .addHelpText(
      'after',
      examples(
        ['berth volume ls --filter dangling=true', 'those that no container has'],
        ["berth volume ls --format '{{.Name}}: {{.Mountpoint}}'", 'as you like it'],
      ),
    )
    .action(async (flags: ListVolumesFlags) => {
      const { listVolumes } = await import('./volume.js');
      await listVolumes(flags);
    });
  addStoreOptions(command);
}

function addInspect(volume: Command): void {
  const command = volume
    .command('inspect')
    .description('print all about volumes, as JSON')
    .argument('<volume...>', 'names')
    .option(...thingFormat('{{.Mountpoint}}'))
    .addHelpText('after', examples(["berth volume inspect -f '{{.Mountpoint}}' data", 'where its files are']))
    .action(async (names: string[], flags: InspectVolumeFlags) => {
      const { inspectVolumes } = await import('./volume.js');
      await inspectVolumes(names, flags);
    });
  addStoreOptions(command);
}

function addRemove(volume: Command): void {
  const command = volume
    .command('rm')
    .alias('remove')
    .description('remove volumes that no container has, with their files')
    .argument('<volume...>', 'names')
    .option('-f, --force', 'no failure for volumes that there are not')
    .addHelpText('after', examples(['berth volume rm data', 'refused while a container has it']))
    .action(async (names: string[], flags: RemoveVolumesFlags) => {
      const { removeVolumes } = await import('./volume.js');
      await removeVolumes(names, flags);
    });
  addStoreOptions(command);
}

function addPrune(volume: Command): void {
  const command = volume
    .command('prune')
    .description('remove volumes that no container has and nobody has named')
    .option('-a, --all', 'named ones too')
    .option('-f, --force', 'do not ask')
    .option(...pruneFilterOption('label=..., label!=...'))
    .addHelpText(
      'after',
      examples(['berth volume prune -f --filter label!=keep', 'without those of a label']),
    )
    .action(async (flags: PruneVolumesFlags) => {
      const { pruneVolumes } = await import('./volume.js');
      await pruneVolumes(flags);
    });
  addStoreOptions(command);
}
