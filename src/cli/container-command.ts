import { type Command, CommanderError, Option } from 'commander';
import type { ExecFlags } from './container-exec.js';
import { addContainerExport, addContainerFilesCommands } from './container-files-command.js';
import type { AttachFlags } from './container-life.js';
import { addLifeCommands } from './container-life-command.js';
import type { PsFlags } from './container-list.js';
import type { LogsFlags } from './container-logs.js';
import { addContainerOptions, type ContainerFlags } from './container-options.js';
import type { RunFlags } from './container-run.js';
import { addPrune, addWatchCommands } from './container-watch-command.js';
import { examples, group } from './help.js';
import { addStoreOptions, type StoreFlags } from './image-store.js';
import { filterOption, rowsFormat, thingFormat } from './list-options.js';
import { collect } from './repeated-option.js';
import { parseWholeNumber } from './whole-number.js';

const CONTAINERS = 'names, ids or beginnings of ids';

/** Commands for containers, each by itself and below `container`, as docker has them. */
export function addContainerCommands(program: Command): void {
  addShared(program);
  addList(program, 'ps');
  const container = group(program, 'container', 'containers of this machine', [
    'berth container ls',
    'as berth ps',
  ]);
  addShared(container);
  addList(container, 'ls').aliases(['list', 'ps']);
  addInspect(container);
  addPrune(container);
  addContainerExport(container);
  addCleanUp(container);
}

function addShared(parent: Command): void {
  addRun(parent);
  addCreate(parent);
  addLifeCommands(parent);
  addExec(parent);
  addAttach(parent);
  addLogs(parent);
  addWatchCommands(parent);
  addContainerFilesCommands(parent);
}

function addRun(parent: Command): void {
  const command = parent
    .command('run')
    .description('run a command in a new container')
    .argument('<image>', 'pulled when it is not here')
    .argument('[command...]', "instead of the image's")
    .passThroughOptions()
    .exitOverride(exitAsDocker)
    .option('-d, --detach', 'in the background; print its id')
    .option('--no-sig-proxy', 'keep signals, rather than hand them on')
    .option('--detach-keys <keys>', 'leave it alone: ctrl-p,ctrl-q');
  addContainerOptions(command)
    .addHelpText(
      'after',
      examples(
        ['berth run --rm -it debian:12 bash', 'a shell, gone with its container'],
        ['berth run -d --name web -p 8080:80 nginx', 'in the background, at http://localhost:8080'],
      ),
    )
    .action(async (image: string, words: string[], flags: RunFlags) => {
      const { runContainer } = await import('./container-run.js');
      process.exitCode = await runContainer(image, words, flags);
    });
}

function addCreate(parent: Command): void {
  const command = parent
    .command('create')
    .description('make a container, to be started later')
    .argument('<image>', 'pulled when it is not here')
    .argument('[command...]', "instead of the image's")
    .passThroughOptions();
  addContainerOptions(command)
    .addHelpText('after', examples(['berth create --name db postgres:16', 'then berth start db']))
    .action(async (image: string, words: string[], flags: ContainerFlags) => {
      const { createContainer } = await import('./container-run.js');
      await createContainer(image, words, flags);
    });
}

function addExec(parent: Command): void {
  const command = parent
    .command('exec')
    .description('run another command in a container')
    .argument('<container>', 'name, id or the beginning of an id')
    .argument('<command...>', 'and its arguments')
    .passThroughOptions()
    .exitOverride(exitAsDocker)
    .option('-d, --detach', 'in the background; nothing of it is shown')
    .option('-i, --interactive', 'it has your input')
    .option('-t, --tty', 'it has a terminal')
    .option('-e, --env <variable>', 'NAME=value; NAME alone takes yours', collect, [])
    .option('--env-file <file>', 'variables, one on each line', collect, [])
    .option('-u, --user <user>', 'user[:group], names or numbers')
    .option('-w, --workdir <directory>', 'where it starts')
    .option('--privileged', 'it may do what root may')
    .option('--detach-keys <keys>', 'leave it alone: ctrl-p,ctrl-q')
    .addHelpText('after', examples(['berth exec -it web sh', 'a shell in it']))
    .action(async (name: string, words: string[], flags: ExecFlags) => {
      const { execCommand } = await import('./container-exec.js');
      process.exitCode = await execCommand(name, words, flags);
    });
  addStoreOptions(command);
}

function addAttach(parent: Command): void {
  const command = parent
    .command('attach')
    .description('show what a container prints, and send it your input')
    .argument('<container>', 'name, id or the beginning of an id')
    .option('--no-stdin', 'without your input')
    .option('--no-sig-proxy', 'keep signals, rather than hand them on')
    .option('--detach-keys <keys>', 'leave it alone: ctrl-p,ctrl-q')
    .addHelpText('after', examples(['berth attach shell', 'ctrl-p ctrl-q leaves it alone']))
    .action(async (name: string, flags: AttachFlags) => {
      const { attachToContainer } = await import('./container-life.js');
      process.exitCode = await attachToContainer(name, flags);
    });
  addStoreOptions(command);
}

function addLogs(parent: Command): void {
  const command = parent
    .command('logs')
    .description('show what a container printed')
    .argument('<container>', 'name, id or the beginning of an id')
    .option('-f, --follow', 'and what it prints from now on, until it has ended')
    .option('-n, --tail <lines>', 'so many of the last ones', 'all')
    .option('--since <time>', 'from then on: 10m, or 2026-01-31T12:00:00Z')
    .option('--until <time>', 'up to then')
    .option('-t, --timestamps', 'when each line was printed')
    .addOption(new Option('--details', 'of docker').hideHelp())
    .addHelpText('after', examples(['berth logs -f --tail 10 web', 'the last lines, and what follows']))
    .action(async (name: string, flags: LogsFlags) => {
      const { showLogs } = await import('./container-logs.js');
      await showLogs(name, flags);
    });
  addStoreOptions(command);
}

function addList(parent: Command, name: string): Command {
  const path = parent.name() === 'container' ? `container ${name}` : name;
  const command = parent
    .command(name)
    .description('list containers')
    .option('-a, --all', 'those that do not run too')
    .option('-q, --quiet', 'only the ids')
    .option('-l, --latest', 'the newest, whatever it does')
    .option('-n, --last <count>', 'the newest ones, whatever they do', parseWholeNumber(1))
    .option(...filterOption('status, health, name, label, network, volume, …'))
    .option('-s, --size', 'how much they have written')
    .option('--no-trunc', 'whole ids and commands')
    .option(...rowsFormat('{{.Names}} {{.Status}}'))
    .addHelpText(
      'after',
      examples(
        [`berth ${path} -a --filter status=exited`, 'what has ended'],
        [`berth ${path} --format '{{.Names}}: {{.Status}}'`, 'as you like it'],
      ),
    )
    .action(async (flags: PsFlags) => {
      const { listContainers } = await import('./container-list.js');
      await listContainers(flags);
    });
  return addStoreOptions(command);
}

function addInspect(container: Command): void {
  const command = container
    .command('inspect')
    .description('print all about containers, as JSON')
    .argument('<container...>', CONTAINERS)
    .option(...thingFormat('{{.State.Status}}'))
    .option('-s, --size', 'what it has written, too')
    .addHelpText('after', examples(["berth container inspect -f '{{.State.ExitCode}}' job", 'a part of it']))
    .action(async (names: string[], flags: StoreFlags & Readonly<{ format?: string; size?: boolean }>) => {
      const { inspect } = await import('./image-show.js');
      await inspect(names, flags, ['container']);
    });
  addStoreOptions(command);
}

function addCleanUp(container: Command): void {
  const command = container
    .command('cleanup', { hidden: true })
    .description('what comes after the end of a container; its monitor calls this')
    .argument('<id>', 'of the container')
    .action(async (id: string, flags: StoreFlags) => {
      const { cleanUpContainer } = await import('./container-life.js');
      await cleanUpContainer(id, flags);
    });
  addStoreOptions(command);
}

/** Wrong arguments of what ends as another command does: its own 2 would look the same. */
function exitAsDocker({ exitCode, code, message }: CommanderError): never {
  throw new CommanderError(exitCode === 0 ? 0 : 125, code, message);
}
