import { type Command, InvalidArgumentError, Option } from 'commander';
import { examples } from './help.js';
import { addStoreOptions } from './image-store.js';
import { addRegistryOptions } from './registry-options.js';
import { collect } from './repeated-option.js';

const PROGRESS = ['auto', 'plain', 'json', 'quiet', 'tty', 'rawjson'];

/** Flags whose value comes after an equals sign or not at all: what follows `--pull` is the context. */
const BARE_FLAGS = ['--pull', '--sbom', '--provenance'];

/** `berth build`. */
export function addBuildCommand(program: Command): void {
  const command = program
    .command('build')
    .description('build an image from a Dockerfile, without a daemon')
    .argument(
      '<context>',
      'directory, - (Dockerfile or tar on standard input), git repository or URL of a tar',
    )
    .option(
      '-f, --file <file>',
      'Dockerfile; - reads it from standard input (default: Dockerfile in the context)',
    )
    .option('-t, --tag <name>', 'name of the image; may be repeated', collect, [])
    .option('--target <stage>', 'build this stage instead of the last')
    .option('--build-arg <name[=value]>', 'value of an ARG; without one that of the environment', collect, [])
    .option('--label <name=value>', 'label of the image', collect, [])
    .option('--annotation <[type:]name=value>', 'annotation of the manifest or index', collect, [])
    .option('--platform <list>', 'platforms to build for: linux/amd64,linux/arm64', collect, []);
  const parseOptions = command.parseOptions.bind(command);
  command.parseOptions = (args) =>
    parseOptions(args.map((arg) => (BARE_FLAGS.includes(arg) ? `${arg}=true` : arg)));
  addInputOptions(command);
  addRunOptions(command);
  addOutputOptions(command);
  addCacheOptions(command);
  addCheckOptions(command);
  addRegistryOptions(addStoreOptions(command));
  for (const ignored of ['--load', '--rm', '--force-rm', '--layers', '--builder <name>']) {
    command.addOption(new Option(ignored, 'for scripts of other builders: does nothing').hideHelp());
  }
  command
    .addHelpText(
      'after',
      examples(
        ['berth build -t app:1 .', 'the Dockerfile of this directory'],
        ['berth build -t reg.example/app:1 --push .', 'and send it to its registry'],
        ['berth build --target test --progress=plain .', 'up to a stage, with all output'],
        ['berth build -o out .', 'only the files of the last stage, into ./out'],
        ['berth build --secret id=npmrc,src=$HOME/.npmrc .', 'for RUN --mount=type=secret,id=npmrc'],
        ['berth build --check .', 'look for mistakes, build nothing'],
      ),
    )
    .action(async (context: string, _flags: unknown, self: Command) => {
      const { runBuild } = await import('./build.js');
      process.exitCode = 1; // unless it comes to its end
      process.exitCode = await runBuild(context, self.optsWithGlobals());
    });
}

function addInputOptions(command: Command): void {
  command
    .option(
      '--build-context <name=source>',
      'further directory, docker-image://… or oci-layout://…',
      collect,
      [],
    )
    .option('--pull [when]', 'ask the registry for newer base images: always, missing or never')
    .option('--secret <id=…>', 'id=name[,src=file|env=VARIABLE]', collect, [])
    .option(
      '--ssh <id=socket|keys>',
      'for RUN --mount=type=ssh: default, id=socket, id=key[,key]',
      collect,
      [],
    )
    .option('--timestamp <seconds>', 'time of the image and of all files in its new layers', wholeNumber)
    .option('--source-date-epoch <seconds>', 'time of the image; default: $SOURCE_DATE_EPOCH', wholeNumber)
    .option('--rewrite-timestamp', 'files of new layers are no newer than SOURCE_DATE_EPOCH');
}

function addRunOptions(command: Command): void {
  command
    .addOption(
      new Option('--network <mode>', 'network of RUN')
        .choices(['default', 'none', 'host'])
        .default('default'),
    )
    .option('--add-host <name:address>', 'further host for RUN', collect, [])
    .option('--shm-size <bytes>', 'size of /dev/shm in RUN')
    .option('--ulimit <name=soft[:hard]>', 'limit of RUN', collect, [])
    .option('--cgroup-parent <path>', 'cgroup of RUN')
    .option('--allow <entitlement>', 'security.insecure, device or device=<name>, for RUN', collect, [])
    .option(
      '--cdi-spec-dir <dir>',
      'where devices are described (default: /etc/cdi, /var/run/cdi)',
      collect,
      [],
    );
}

function addOutputOptions(command: Command): void {
  command
    .option(
      '-o, --output <spec>',
      'type=image|oci|docker|tar|local|cacheonly[,dest=…]; a directory; - is a tar',
      collect,
      [],
    )
    .option('--push', 'send the image to the registries of its names')
    .addOption(new Option('--format <format>', 'media types').choices(['oci', 'docker']).default('oci'))
    .option('--squash', 'one layer instead of all that this build makes')
    .option('--iidfile <file>', "write the image's id to this file")
    .option('--metadata-file <file>', 'write what came out to this file, as JSON')
    .option('--attest <spec>', 'type=sbom or type=provenance[,mode=min|max]', collect, [])
    .option('--sbom [spec]', 'attach a list of the packages in the image, as SPDX')
    .option('--provenance [spec]', 'attach how the image was built: mode=min or mode=max')
    .option('-q, --quiet', "print nothing but the image's id")
    .addOption(new Option('--progress <mode>', 'how to show what happens').choices(PROGRESS));
}

function addCacheOptions(command: Command): void {
  command
    .option('--no-cache', 'do every step again')
    .option('--no-cache-filter <stages>', 'do the steps of these stages again', collect, [])
    .option('--cache-from <spec>', 'type=registry,ref=… | type=local,src=… or an image', collect, [])
    .option('--cache-to <spec>', 'type=registry,ref=… | type=local,dest=… | type=inline', collect, []);
}

function addCheckOptions(command: Command): void {
  command
    .option('--check', 'report what is wrong in the Dockerfile, build nothing')
    .addOption(
      new Option('--call <method>', 'what to do')
        .choices(['build', 'check', 'outline', 'targets', 'lint'])
        .default('build'),
    )
    .option('--print-tree', 'print how the Dockerfile was read, build nothing');
}

function wholeNumber(text: string): number {
  if (!/^\d{1,12}$/.test(text)) throw new InvalidArgumentError('It must be a number of seconds since 1970.');
  return Number(text);
}
