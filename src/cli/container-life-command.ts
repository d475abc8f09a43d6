import { type Command, Option } from 'commander';
import type { RemoveFlags, StartFlags, StopFlags } from './container-life.js';
import { examples } from './help.js';
import { addStoreOptions, type StoreFlags } from './image-store.js';
import { parseWholeNumber } from './whole-number.js';

const CONTAINERS = 'names, ids or beginnings of ids';

/** What becomes of containers that are there: started, stopped, held, renamed, removed. */
export function addLifeCommands(parent: Command): void {
  addStart(parent);
  addStop(parent);
  addKill(parent);
  addFreeze(parent);
  addRemove(parent);
  addRename(parent);
  addWait(parent);
}

function addStart(parent: Command): void {
  const command = parent
    .command('start')
    .description('start containers again')
    .argument('<container...>', CONTAINERS)
    .option('-a, --attach', 'show what it prints, and end with its exit code')
    .option('-i, --interactive', 'and send it your input')
    .option('--no-sig-proxy', 'keep signals, rather than hand them on')
    .option('--detach-keys <keys>', 'leave it alone: ctrl-p,ctrl-q')
    .addHelpText('after', examples(['berth start -ai shell', 'back into it']))
    .action(async (names: string[], flags: StartFlags) => {
      const { startContainers } = await import('./container-life.js');
      process.exitCode = await startContainers(names, flags);
    });
  addStoreOptions(command);
}

function addStop(parent: Command): void {
  for (const name of ['stop', 'restart'] as const) {
    const command = parent
      .command(name)
      .description(
        name === 'stop' ? 'ask containers to end, and end them after a while' : 'stop and start containers',
      )
      .argument('<container...>', CONTAINERS)
      .option('-t, --time <seconds>', 'how long they may take; 10 is usual', seconds)
      .addOption(new Option('--timeout <seconds>').argParser(seconds).hideHelp())
      .option('-s, --signal <signal>', 'what they are asked with')
      .addHelpText('after', examples([`berth ${name} -t 30 db`, 'it may take half a minute']))
      .action(async (names: string[], flags: StopFlags) => {
        const { restartContainers, stopContainers } = await import('./container-life.js');
        await (name === 'stop' ? stopContainers : restartContainers)(names, flags);
      });
    addStoreOptions(command);
  }
}

function addKill(parent: Command): void {
  const command = parent
    .command('kill')
    .description('send containers a signal')
    .argument('<container...>', CONTAINERS)
    .option('-s, --signal <signal>', 'a name or number', 'SIGKILL')
    .addHelpText('after', examples(['berth kill -s HUP web', 'have it read its configuration again']))
    .action(async (names: string[], flags: StoreFlags & Readonly<{ signal: string }>) => {
      const { killContainers } = await import('./container-life.js');
      await killContainers(names, flags);
    });
  addStoreOptions(command);
}

function addFreeze(parent: Command): void {
  for (const name of ['pause', 'unpause'] as const) {
    const command = parent
      .command(name)
      .description(name === 'pause' ? 'hold all processes of containers' : 'let them go on')
      .argument('<container...>', CONTAINERS)
      .addHelpText('after', examples([`berth ${name} db`, 'while its files are copied']))
      .action(async (names: string[], flags: StoreFlags) => {
        const { pauseContainers, unpauseContainers } = await import('./container-life.js');
        await (name === 'pause' ? pauseContainers : unpauseContainers)(names, flags);
      });
    addStoreOptions(command);
  }
}

function addRemove(parent: Command): void {
  const command = parent
    .command('rm')
    .description('remove containers')
    .argument('<container...>', CONTAINERS)
    .option('-f, --force', 'those that run too; no failure for none')
    .option('-v, --volumes', 'with the volumes that nobody named')
    .addOption(new Option('-l, --link', 'of docker').hideHelp())
    .addHelpText('after', examples(['berth rm -f web', 'whatever it is doing']))
    .action(async (names: string[], flags: RemoveFlags) => {
      const { removeContainers } = await import('./container-life.js');
      await removeContainers(names, flags);
    });
  if (parent.name() === 'container') command.alias('remove');
  addStoreOptions(command);
}

function addRename(parent: Command): void {
  const command = parent
    .command('rename')
    .description('call a container something else')
    .argument('<container>', 'name, id or the beginning of an id')
    .argument('<name>', 'what it is called from now on')
    .addHelpText('after', examples(['berth rename brave_cutter web', 'a name to remember']))
    .action(async (name: string, newName: string, flags: StoreFlags) => {
      const { renameContainer } = await import('./container-life.js');
      await renameContainer(name, newName, flags);
    });
  addStoreOptions(command);
}

function addWait(parent: Command): void {
  const command = parent
    .command('wait')
    .description('wait until containers have ended, and print their exit codes')
    .argument('<container...>', CONTAINERS)
    .addHelpText('after', examples(['berth wait job', 'prints 0 when all went well']))
    .action(async (names: string[], flags: StoreFlags) => {
      const { waitForContainers } = await import('./container-life.js');
      await waitForContainers(names, flags);
    });
  addStoreOptions(command);
}

function seconds(text: string): number {
  return text === '-1' ? -1 : parseWholeNumber(0)(text);
}
