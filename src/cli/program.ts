import type { Command, OutputConfiguration } from 'commander';
import manifest from '../../package.json' with { type: 'json' };
import { countOptions } from './boolean-flags.js';
import { addBuildCommand } from './build-command.js';
import { addBuilderCommands } from './builder-command.js';
import { addCompletionCommand } from './completion-command.js';
import { addConfigCommands } from './config-command.js';
import { addContainerCommands } from './container-command.js';
import { addEngineCommand } from './engine-command.js';
import { addEventsCommands } from './events-command.js';
import { addGlobalFlags } from './global-flags.js';
import { examples, group } from './help.js';
import { addImagesCommands } from './images-command.js';
import { addIndexCommands } from './index-command.js';
import { LateCommand, optionDescription, subcommandTerm } from './late-command.js';
import { addLoginCommands } from './login-command.js';
import { addMaintenanceCommands } from './maintenance-command.js';
import { addNetworkCommands } from './network-command.js';
import { addRobotCommands } from './robot-command.js';
import { addSearchCommand } from './search-command.js';
import { addServeCommand } from './serve-command.js';
import { addAboutCommands, addSystemCommands } from './system-command.js';
import { addTlsCommands } from './tls-command.js';
import { addTransferCommands } from './transfer-command.js';
import { addUploadsCommands } from './uploads-command.js';
import { addUserCommands } from './user-command.js';
import { addVolumeCommands } from './volume-command.js';

/**
 * All commands with their help. What a command does is loaded only when it is called.
 * @param args as they follow the name of the program: only what they call is there, with its options.
 * @param output where help goes; the streams of the process if not said otherwise.
 */
export function createProgram(args: readonly string[], output: OutputConfiguration = {}): LateCommand {
  const program = new LateCommand('berth')
    .complete()
    .description(
      'A private registry, a builder of images, a client that moves them, and containers that run them.',
    )
    .version(`berth ${manifest.version}`, '-v, --version')
    .exitOverride()
    .configureOutput(output)
    .configureHelp({ subcommandTerm, optionDescription })
    .addHelpText(
      'after',
      examples(
        ['berth serve', 'serve ./data on 127.0.0.1:5000'],
        ['berth serve --config /etc/docker/registry/config.yml', "serve an existing registry's data"],
        ['berth config check config.yml', 'see what a configuration means'],
        ['berth user add alice --file htpasswd', 'let alice log in'],
        ['berth build -t localhost:5000/app:1 .', 'make an image of the Dockerfile here'],
        ['berth run --rm -it localhost:5000/app:1 sh', 'a shell in a container of it'],
      ),
    );
  addGlobalFlags(program);
  const called = args.slice(countOptions(program, args));
  for (const { about, add } of partsFor(called)) {
    program.commandsGroup(about);
    add(program);
  }
  pointToHelp(program, []);
  program.completeCalled(called);
  return program;
}

/** Headings of the help, in its order. */
const REGISTRY = 'The registry:';
const IMAGES = 'Images:';
const CONTAINERS = 'Containers:';
const OTHERS = 'Others:';

type Part = Readonly<{
  /** What its commands are for. */
  about: string;
  /** Commands that it adds, and their aliases: one that is missing here is found too, but starts later. */
  names: readonly string[];
  add: (program: LateCommand) => void;
}>;

/** In the order of the help. */
const PARTS: readonly Part[] = [
  { about: REGISTRY, names: ['serve'], add: addServeCommand },
  {
    about: REGISTRY,
    names: ['config'],
    add: (program) =>
      addConfigCommands(
        group(program, 'config', 'look into configurations', [
          'berth config check config.yml',
          'exit code 0 when the registry would start with it',
        ]),
      ),
  },
  {
    about: REGISTRY,
    names: ['user'],
    add: (program) =>
      addUserCommands(
        group(program, 'user', 'users and passwords of an htpasswd file', [
          'berth user add alice --file htpasswd',
          'ask for a password, and let alice log in',
        ]),
      ),
  },
  {
    about: REGISTRY,
    names: ['robot'],
    add: (program) =>
      addRobotCommands(
        group(program, 'robot', 'programs that log in with secrets of their own', [
          "berth robot add ci --repo 'team/*' --actions pull,push --expires 90d",
          'print a secret with which robot+ci logs in',
        ]),
      ),
  },
  {
    about: REGISTRY,
    names: ['tls'],
    add: (program) =>
      addTlsCommands(
        group(program, 'tls', 'certificates for a registry on a local network', [
          'berth tls init --name registry.lan',
          'make them, and see how clients are made to trust them',
        ]),
      ),
  },
  {
    about: REGISTRY,
    names: ['index'],
    add: (program) =>
      addIndexCommands(
        group(program, 'index', 'the index of what the registry holds', [
          'berth index list config.yml',
          'sizes, and times of the last push and pull',
        ]),
      ),
  },
  {
    about: REGISTRY,
    names: ['uploads'],
    add: (program) =>
      addUploadsCommands(
        group(program, 'uploads', 'uploads that were given up', [
          'berth uploads purge --older-than 24h --dry-run',
          'see what is there',
        ]),
      ),
  },
  { about: REGISTRY, names: ['gc', 'mirror', 'verify', 'doctor', 'trash'], add: addMaintenanceCommands },
  {
    about: REGISTRY,
    names: ['events'],
    add: (program) =>
      addEventsCommands(
        program
          .command('events')
          .description('what happens on this machine; list and replay: what the registry tells others'),
      ),
  },
  { about: IMAGES, names: ['login', 'logout'], add: addLoginCommands },
  {
    about: IMAGES,
    names: ['pull', 'push', 'copy', 'digest', 'manifest', 'ls', 'tags', 'list-tags', 'catalog', 'delete'],
    add: addTransferCommands,
  },
  {
    about: IMAGES,
    names: ['images', 'image', 'inspect', 'history', 'tag', 'save', 'load', 'import', 'export', 'rmi'],
    add: addImagesCommands,
  },
  {
    about: CONTAINERS,
    names: [
      'container',
      'run',
      'create',
      'cp',
      'diff',
      'commit',
      'start',
      'stop',
      'restart',
      'kill',
      'pause',
      'unpause',
      'rm',
      'rename',
      'wait',
      'exec',
      'attach',
      'logs',
      'ps',
      'top',
      'stats',
      'port',
      'update',
    ],
    add: addContainerCommands,
  },
  { about: IMAGES, names: ['search'], add: addSearchCommand },
  { about: IMAGES, names: ['build'], add: addBuildCommand },
  {
    about: IMAGES,
    names: ['builder'],
    add: (program) =>
      addBuilderCommands(
        group(program, 'builder', 'the cache of builds', ['berth builder du', 'what it holds']),
      ),
  },
  { about: CONTAINERS, names: ['engine'], add: addEngineCommand },
  {
    about: CONTAINERS,
    names: ['system'],
    add: (program) =>
      addSystemCommands(
        group(program, 'system', 'all of this machine', ['berth system df', 'what takes its space']),
      ),
  },
  { about: CONTAINERS, names: ['info', 'version'], add: addAboutCommands },
  {
    about: CONTAINERS,
    names: ['network'],
    add: (program) =>
      addNetworkCommands(
        group(program, 'network', 'how containers reach each other', ['berth network ls', 'what there is']),
      ),
  },
  {
    about: CONTAINERS,
    names: ['volume'],
    add: (program) =>
      addVolumeCommands(
        group(program, 'volume', 'directories that outlive containers', ['berth volume ls', 'what there is']),
      ),
  },
  { about: OTHERS, names: [], add: addCompletionCommand }, // it tells of all the others
];

/** Those that these arguments need: making all commands takes a tenth of the time in which a build finds all cached. */
function partsFor(args: readonly string[]): readonly Part[] {
  const called = args.find((arg) => !arg.startsWith('-')) ?? '';
  const part = PARTS.find(({ names }) => names.includes(called));
  return part === undefined ? PARTS : [part];
}

/** After a mistake: where its command is explained. */
function pointToHelp(command: Command, above: readonly string[]): void {
  const path = [...above, command.name()];
  command.showHelpAfterError(`(see ${path.join(' ')} --help)`);
  for (const inner of command.commands) pointToHelp(inner, path);
}
