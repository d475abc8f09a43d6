import { type Command, Option } from 'commander';
import { examples, group } from './help.js';
import type { LoadFlags, SaveFlags } from './image-archive.js';
import type { ExportFlags, ImportFlags } from './image-files.js';
import type { ListFlags } from './image-list.js';
import type { PruneFlags, RemoveFlags } from './image-remove.js';
import type { HistoryFlags, InspectFlags } from './image-show.js';
import { addStoreOptions, type StoreFlags } from './image-store.js';
import { filterOption, pruneFilterOption, rowsFormat, thingFormat } from './list-options.js';
import { addRegistryOptions } from './registry-options.js';
import { collect } from './repeated-option.js';
import { addPull, addPush } from './transfer-command.js';
import { addPlatformOptions, addReferrersOptions, addTransferOptions } from './transfer-options.js';

/** Commands for the images of this machine, each by itself and below `image`, as docker has them. */
export function addImagesCommands(program: Command): void {
  addList(program, 'images');
  addInspect(program);
  addShared(program);
  addRemove(program, 'rmi');
  addExport(program);
  const image = group(program, 'image', 'images of this machine', ['berth image ls', 'as berth images']);
  addList(image, 'ls').alias('list');
  addInspect(image);
  addShared(image);
  addPull(image);
  addPush(image);
  addRemove(image, 'rm').alias('remove');
  addPrune(image);
}

function addShared(parent: Command): void {
  addHistory(parent);
  addTag(parent);
  addSave(parent);
  addLoad(parent);
  addImport(parent);
}

function addList(parent: Command, name: string): Command {
  const command = parent
    .command(name)
    .description('list the images of this machine')
    .argument('[pattern]', 'only repositories, or repository:tag, that match')
    .option('-a, --all', 'for scripts that say so: all images are listed anyway')
    .option('-q, --quiet', 'only the ids')
    .option('--digests', 'what registries call them')
    .option('--no-trunc', 'ids as they are')
    .option(...filterOption('dangling, label, before, since, until, reference'))
    .option(...rowsFormat('{{.Repository}} {{.ID}}'))
    .addOption(new Option('--tree', 'of docker').hideHelp())
    .addHelpText(
      'after',
      examples(
        [`berth ${fullName(parent, name)} --filter label=team=blue`, 'images that have the label'],
        [`berth ${fullName(parent, name)} --format '{{.Repository}}:{{.Tag}} {{.Size}}'`, 'as you like it'],
      ),
    )
    .action(async (pattern: string | undefined, flags: ListFlags) => {
      const { listImages } = await import('./image-list.js');
      await listImages(pattern, flags);
    });
  return addStoreOptions(command);
}

function addInspect(parent: Command): void {
  const isOfImages = parent.name() === 'image';
  const command = parent
    .command('inspect')
    .description(
      `print all about ${isOfImages ? 'images' : 'containers, images, networks and volumes'}, as JSON`,
    )
    .argument(
      isOfImages ? '<image...>' : '<name...>',
      'name, id or digest; docker://NAME is asked for in its registry',
    )
    .option(...thingFormat('{{json .Config.Env}}'))
    .option('--platform <platform>', 'which image of an index')
    .option('--raw', 'the manifest to the byte')
    .option('--config', 'the configuration; with --raw to the byte')
    .option('-n, --no-tags', 'of docker://NAME: without the tags beside it')
    .addOption(
      new Option('--type <type>', 'what it is').choices(
        isOfImages ? ['image'] : ['container', 'image', 'network', 'volume'],
      ),
    )
    .addOption(new Option('-s, --size', 'of a container: what it has written').hideHelp(isOfImages))
    .addHelpText(
      'after',
      examples(
        ["berth inspect -f '{{.Config.Cmd}}' app:1", 'a part of it'],
        ['berth inspect docker://reg.example/app:1', 'in its registry, as skopeo shows it'],
        ['berth inspect --config docker://reg.example/app:1', 'its configuration, as of crane config'],
      ),
    )
    .action(async (names: string[], flags: InspectFlags) => {
      const { inspect } = await import('./image-show.js');
      await inspect(names, flags, isOfImages ? ['image'] : undefined);
    });
  addRegistryOptions(addStoreOptions(command));
}

function addHistory(parent: Command): void {
  const command = parent
    .command('history')
    .description('show how an image was made')
    .argument('<image>', 'name, id or digest')
    .option('-H, --human', 'sizes and times for people', true)
    .addOption(new Option('--no-human').hideHelp())
    .option('--no-trunc', 'whole commands and ids')
    .option('-q, --quiet', 'only the ids')
    .option('--format <format>', 'json, table, or a template')
    .option('--platform <platform>', 'which image of an index')
    .addHelpText('after', examples(['berth history --no-trunc app:1', 'whole commands']))
    .action(async (name: string, flags: HistoryFlags) => {
      const { showHistory } = await import('./image-show.js');
      await showHistory(name, flags);
    });
  addStoreOptions(command);
}

function addTag(parent: Command): void {
  const command = parent
    .command('tag')
    .description('give an image other names')
    .argument('<image>', 'name, id or digest')
    .argument('<name...>', '[registry/]repository[:tag]')
    .addHelpText('after', examples(['berth tag app:1 reg.example/team/app:1', 'before a push']))
    .action(async (source: string, targets: string[], flags: StoreFlags) => {
      const { tag } = await import('./image-remove.js');
      await tag(source, targets, flags);
    });
  addStoreOptions(command);
}

function addRemove(parent: Command, name: string): Command {
  const command = parent
    .command(name)
    .description('remove images: a name, and the image with its last name')
    .argument('<image...>', 'name, id or digest')
    .option('-f, --force', 'by id also with names in several repositories; no failure for none')
    .option('--no-prune', 'for scripts that say so')
    .option('--platform <platform>', 'only the image for it, out of an index', collectWords, [])
    .addHelpText('after', examples([`berth ${fullName(parent, name)} app:1`, 'what other images need stays']))
    .action(async (names: string[], flags: RemoveFlags) => {
      const { removeImages } = await import('./image-remove.js');
      await removeImages(names, flags);
    });
  return addStoreOptions(command);
}

function addPrune(image: Command): void {
  const command = image
    .command('prune')
    .description('remove images without a name, and content that nothing needs')
    .option('-a, --all', 'all images')
    .option('-f, --force', 'do not ask')
    .option(...pruneFilterOption('until=24h, label=...'))
    .addHelpText('after', examples(['berth image prune -f', 'while others pull and build']))
    .action(async (flags: PruneFlags) => {
      const { pruneImages } = await import('./image-remove.js');
      await pruneImages(flags);
    });
  addStoreOptions(command);
}

function addSave(parent: Command): void {
  const command = parent
    .command('save')
    .description('write images into an archive that docker load takes')
    .argument('<image...>', 'names or ids')
    .option('-o, --output <file>', 'instead of standard output')
    .addOption(
      new Option('--format <form>', 'form of the archive')
        .choices(['docker-archive', 'oci-archive', 'oci-dir'])
        .default('docker-archive'),
    )
    .addOption(new Option('--compression <how>', 'of layers in OCI forms').choices(['gzip', 'zstd', 'none']))
    .addOption(new Option('-m, --multi-image-archive', 'of podman: so it is anyway').hideHelp());
  addPlatformOptions(command, 'whole indexes, in OCI forms');
  addReferrersOptions(addTransferOptions(command))
    .addHelpText(
      'after',
      examples(
        ['berth save -o app.tar app:1', 'for docker load'],
        ['berth save app:1 | ssh host docker load', 'without a file'],
      ),
    )
    .action(async (names: string[], flags: SaveFlags) => {
      const { saveImages } = await import('./image-archive.js');
      await saveImages(names, flags);
    });
}

function addLoad(parent: Command): void {
  const command = parent
    .command('load')
    .description('take the images out of an archive, of docker, podman, skopeo or Berth')
    .option('-i, --input <file>', 'instead of standard input; an OCI layout may be a directory');
  addPlatformOptions(command, 'whole indexes');
  addTransferOptions(command)
    .addHelpText(
      'after',
      examples(
        ['berth load -i app.tar', 'compressed or not'],
        ['docker save app:1 | berth load', 'from docker'],
      ),
    )
    .action(async (flags: LoadFlags) => {
      const { loadImages } = await import('./image-archive.js');
      await loadImages(flags);
    });
}

function addImport(parent: Command): void {
  const command = parent
    .command('import')
    .description('make an image out of the tar of a root filesystem')
    .argument('<file>', 'a tar, compressed or not; - for standard input')
    .argument('[name]', '[registry/]repository[:tag]')
    .option('-c, --change <instruction>', 'of a Dockerfile, such as CMD or ENV', collect, [])
    .option('-m, --message <text>', 'for the history')
    .option('--platform <platform>', 'what it is for');
  addStoreOptions(command)
    .addHelpText(
      'after',
      examples([`berth import -c 'CMD ["/bin/sh"]' rootfs.tar.gz base:1`, 'an image of one layer']),
    )
    .action(async (file: string, name: string | undefined, flags: ImportFlags) => {
      const { importFile } = await import('./image-files.js');
      await importFile(file, name, flags);
    });
}

function addExport(program: Command): void {
  const command = program
    .command('export')
    .description('write all files of a container, or of an image, as one tar')
    .argument('<name>', 'of a container; where there is none, of an image')
    .option('-o, --output <file>', 'instead of standard output')
    .option('--platform <platform>', 'which image of an index; never a container');
  addStoreOptions(command)
    .addHelpText(
      'after',
      examples(
        ['berth export -o web.tar web', 'a container, without what is in its volumes'],
        ['berth export app:1 | tar -x -C rootfs', 'an image, with all layers applied'],
      ),
    )
    .action(async (name: string, flags: ExportFlags) => {
      const { exportFiles } = await import('./image-files.js');
      await exportFiles(name, flags);
    });
}

/** Docker's word for what is to be inspected. */
function fullName(parent: Command, name: string): string {
  return parent.name() === 'image' ? `image ${name}` : name;
}

/** Of those of docker that take several, and lists too. */
function collectWords(value: string, previous: readonly string[]): string[] {
  return [...previous, ...value.split(',')];
}
