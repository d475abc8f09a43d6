import { type Command, Option } from 'commander';
import { UsageError } from './failure.js';
import { examples, group } from './help.js';
import { addStoreOptions } from './image-store.js';
import { OptionAlias } from './option-alias.js';
import type { RegistryFlags } from './registry-options.js';
import { addRegistryOptions, addSideOptions } from './registry-options.js';
import { collect } from './repeated-option.js';
import type { CopyFlags } from './transfer-copy.js';
import {
  addCompressionOptions,
  addDigestFileOption,
  addPlatformOptions,
  addReferrersOptions,
  addTransferOptions,
  type PlatformFlags,
} from './transfer-options.js';
import type { PullFlags } from './transfer-pull.js';
import type { PushFlags } from './transfer-push.js';
import { parseWholeNumber } from './whole-number.js';

/** Commands that reach registries: `pull`, `push`, `copy`, `digest`, `manifest`, `ls`, `catalog`, `delete`. */
export function addTransferCommands(program: Command): void {
  addPull(program);
  addPush(program);
  addCopy(program);
  addDigest(program);
  const manifest = group(program, 'manifest', 'manifests as a registry has them', [
    'berth manifest inspect reg.example/team/app:1',
    'what a registry answers',
  ]);
  addManifest(manifest);
  addForeignManifestCommands(manifest);
  addLists(program);
  addDelete(program);
}

export function addPull(parent: Command): void {
  const command = parent
    .command('pull')
    .description('get images from registries')
    .argument('<name...>', '[registry/]repository[:tag][@digest]')
    .option('-a, --all-tags', 'every tag of the repository')
    .addOption(new Option('--disable-content-trust', 'of docker: does nothing').hideHelp());
  addPlatformOptions(command, 'the whole index');
  addCopyOptions(addTransferOptions(command))
    .addHelpText(
      'after',
      examples(
        ['berth pull reg.example/team/app:1', 'the image for this machine'],
        ['berth pull --platform linux/arm64 alpine', 'the image for another one, from Docker Hub'],
      ),
    )
    .action(async (names: string[], flags: PullFlags) => {
      const { pull } = await import('./transfer-pull.js');
      await pull(names, flags);
    });
}

export function addPush(parent: Command): void {
  const command = parent
    .command('push')
    .description('send an image to a registry')
    .argument('<name>', 'an image of this machine')
    .argument('[target]', 'another name to send it to')
    .option('-a, --all-tags', 'every tag of the repository')
    .addOption(new Option('--disable-content-trust', 'of docker: does nothing').hideHelp());
  addDigestFileOption(command);
  addPlatformOptions(command, 'the whole index, as without --platform');
  addCompressionOptions(command);
  addCopyOptions(addTransferOptions(command))
    .addHelpText(
      'after',
      examples(
        ['berth push reg.example/team/app:1', 'to the registry in its name'],
        ['berth push app:1 reg.example/team/app:1', 'to a name that it does not have here'],
        ['berth push --compression zstd reg.example/team/app:1', 'smaller and faster, for current runtimes'],
      ),
    )
    .action(async (name: string, target: string | undefined, flags: PushFlags) => {
      const { push } = await import('./transfer-push.js');
      await push(name, target, flags);
    });
}

function addCopy(program: Command): void {
  const place =
    'docker://NAME, oci:DIR[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:NAME], or a local NAME';
  const command = program
    .command('copy')
    .description('copy an image between registries, archives and this machine')
    .argument('<from>', place)
    .argument('<to>', 'the same')
    .option('--preserve-digests', 'fail rather than change anything that a digest depends on')
    .option('--additional-tag <name>', 'another name in a docker archive, or on this machine', collect, [])
    .addOption(new OptionAlias('-a, --all', 'allPlatforms'))
    .addOption(new Option('--multi-arch <which>', 'of skopeo').choices(['system', 'all']).hideHelp());
  addDigestFileOption(command);
  addPlatformOptions(command, 'the whole index; so it is by default where the target can hold it');
  addCompressionOptions(addSideOptions(command));
  addCopyOptions(addTransferOptions(command))
    .addHelpText(
      'after',
      examples(
        [
          'berth copy docker://a.example/app:1 docker://b.example/app:1',
          'all platforms, without this machine',
        ],
        ['berth copy docker://reg.example/app:1 oci-archive:app.tar', 'to carry it elsewhere'],
        ['berth copy docker-archive:app.tar docker://reg.example/app:1', 'what docker save wrote'],
      ),
    )
    .action(async (from: string, to: string, flags: CopyFlags) => {
      const { copyImage } = await import('./transfer-copy.js');
      await copyImage(from, to, flags);
    });
}

function addCopyOptions(command: Command): Command {
  return addReferrersOptions(command)
    .option('--jobs <n>', 'how many blobs at once', parseWholeNumber(1))
    .addOption(new OptionAlias('--image-parallel-copies <n>', 'jobs').argParser(parseWholeNumber(1)));
}

function addDigest(program: Command): void {
  const command = program
    .command('digest')
    .description('print the digest of an image in a registry')
    .argument('<name>', '[registry/]repository[:tag]')
    .option('--full-ref', 'with the name before it');
  addPlatformOptions(command, 'of the whole index, as without --platform');
  addRegistryOptions(addStoreOptions(command))
    .addHelpText('after', examples(['berth digest reg.example/app:1', 'without getting the image']))
    .action(async (name: string, flags: PlatformFlags & RegistryFlags) => {
      const { printDigest } = await import('./transfer-registry.js');
      await printDigest(name, flags);
    });
}

function addManifest(manifest: Command): void {
  const get = manifest
    .command('get', { isDefault: true })
    .description('print the manifest to the byte')
    .argument('<name>', '[registry/]repository[:tag][@digest]');
  const inspect = manifest
    .command('inspect')
    .description('print the manifest, easy to read')
    .argument('<name>', '[registry/]repository[:tag][@digest]');
  for (const command of [get, inspect]) {
    addPlatformOptions(command, 'the index, as without --platform');
    addRegistryOptions(addStoreOptions(command))
      .option('--config', "print the image's configuration instead")
      .addHelpText(
        'after',
        examples([`berth manifest ${command.name()} reg.example/app:1`, 'an index, where there is one']),
      )
      .action(async (name: string, flags: PlatformFlags & RegistryFlags) => {
        const { printManifest } = await import('./transfer-registry.js');
        await printManifest(name, flags, { pretty: command === inspect });
      });
  }
}

/** What docker has besides: it makes indexes by hand. */
function addForeignManifestCommands(manifest: Command): void {
  for (const name of ['create', 'annotate', 'push', 'rm']) {
    manifest
      .command(name, { hidden: true })
      .argument('[word...]')
      .allowUnknownOption()
      .action(() => {
        throw new UsageError(
          `there is no berth manifest ${name}: berth build --platform linux/amd64,linux/arm64 makes an index, berth copy and berth push send it whole, berth delete removes it`,
        );
      });
  }
}

function addLists(program: Command): void {
  const tags = program
    .command('ls')
    .alias('tags')
    .description('list the tags of a repository in a registry')
    .argument('<repository>', '[registry/]repository');
  addRegistryOptions(tags)
    .option('--json', 'print JSON')
    .option('--full-ref', 'with the name of the repository')
    .option('-O, --omit-digest-tags', 'not those that stand for digests, as of signatures')
    .addHelpText('after', examples(['berth ls reg.example/team/app', 'one a line']))
    .action(async (name: string, flags: RegistryFlags & { json?: boolean }) => {
      const { listTags } = await import('./transfer-registry.js');
      await listTags(name, flags);
    });
  const list = program
    .command('list-tags', { hidden: true })
    .description('list tags as skopeo prints them')
    .argument('<repository>', '[docker://][registry/]repository, or docker-archive:FILE');
  addRegistryOptions(list)
    .addHelpText('after', examples(['berth list-tags docker://reg.example/app', 'as JSON']))
    .action(async (name: string, flags: RegistryFlags) => {
      const { printTagList } = await import('./transfer-registry.js');
      await printTagList(name, flags);
    });
  const catalog = program
    .command('catalog')
    .description('list the repositories of a registry')
    .argument('<registry>', 'host[:port], or host[:port]/namespace for what is below that');
  addRegistryOptions(catalog)
    .option('--json', 'print JSON')
    .option('--full-ref', 'with the name of the registry')
    .addHelpText('after', examples(['berth catalog reg.example:5000', 'those that you may see']))
    .action(async (registry: string, flags: RegistryFlags & { json?: boolean }) => {
      const { listRepositories } = await import('./transfer-registry.js');
      await listRepositories(registry, flags);
    });
}

function addDelete(program: Command): void {
  const command = program
    .command('delete')
    .description('delete tags, or manifests by digest, in a registry')
    .argument('<name...>', '[registry/]repository:tag or @digest');
  addRegistryOptions(command)
    .addHelpText(
      'after',
      examples(['berth delete reg.example/app:old', 'the tag; blobs go when the registry collects']),
    )
    .action(async (names: string[], flags: RegistryFlags) => {
      const { deleteImages } = await import('./transfer-registry.js');
      await deleteImages(names, flags);
    });
}
