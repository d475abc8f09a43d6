import { parseSignal } from '../oci/index.js';
import {
  type ContainerHost,
  type ContainerRecord,
  DEFAULT_DETACH_KEYS,
  isAlive,
  postAttach,
} from '../runtime/container/index.js';
import { openContainerHost } from './container-host.js';
import { runAttached } from './container-run.js';
import { BOTH_OUTPUTS, ContainerSession } from './container-session.js';
import { UsageError } from './failure.js';
import type { StoreFlags } from './image-store.js';

export type RemoveFlags = StoreFlags & Readonly<{ force?: boolean; volumes?: boolean; link?: boolean }>;

/** Does something to each of several containers, says which were done, and fails at the end for those that were not. */
export async function eachContainer(
  names: readonly string[],
  flags: StoreFlags,
  work: (host: ContainerHost, name: string) => Promise<unknown>,
  { mayBeMissing = false }: Readonly<{ mayBeMissing?: boolean }> = {},
): Promise<void> {
  using opened = await openContainerHost(flags);
  await each(names, async (name) => {
    try {
      await work(opened.host, name);
      process.stdout.write(`${name}\n`);
    } catch (error) {
      const { name: kind, message } = error as Error;
      if (!mayBeMissing || kind !== 'ContainerNotFoundError') throw error;
      process.stderr.write(`berth: ${message}\n`);
    }
  });
}

/** One after the other, also after failures, which are told of at the end. */
async function each(names: readonly string[], work: (name: string) => Promise<unknown>): Promise<void> {
  const failures: string[] = [];
  for (const name of names) {
    try {
      await work(name);
    } catch (error) {
      failures.push((error as Error).message);
    }
  }
  if (failures.length > 0) throw new Error(failures.join('; '));
}

export type StopFlags = StoreFlags & Readonly<{ time?: number; timeout?: number; signal?: string }>;

/** `berth stop`. */
export async function stopContainers(names: readonly string[], flags: StopFlags): Promise<void> {
  await eachContainer(names, flags, (host, name) => host.stop(name, stopOptions(flags)));
}

/** `berth restart`. */
export async function restartContainers(names: readonly string[], flags: StopFlags): Promise<void> {
  await eachContainer(names, flags, (host, name) => host.restart(name, stopOptions(flags)));
}

/** `berth kill`. */
export async function killContainers(
  names: readonly string[],
  flags: StoreFlags & Readonly<{ signal: string }>,
): Promise<void> {
  await eachContainer(names, flags, (host, name) => host.kill(name, checkedSignal(flags.signal)));
}

/** `berth pause`. */
export async function pauseContainers(names: readonly string[], flags: StoreFlags): Promise<void> {
  await eachContainer(names, flags, (host, name) => host.pause(name));
}

/** `berth unpause`. */
export async function unpauseContainers(names: readonly string[], flags: StoreFlags): Promise<void> {
  await eachContainer(names, flags, (host, name) => host.unpause(name));
}

/** `berth rm`. */
export async function removeContainers(names: readonly string[], flags: RemoveFlags): Promise<void> {
  const { force = false, volumes = false, link = false } = flags;
  const remove = (host: ContainerHost, name: string) => host.remove(name, { force, volumes, link });
  await eachContainer(names, flags, remove, { mayBeMissing: force });
}

/** `berth rename`. */
export async function renameContainer(name: string, newName: string, flags: StoreFlags): Promise<void> {
  using opened = await openContainerHost(flags);
  await opened.host.rename(name, newName);
}

/** `berth wait`: prints exit codes. */
export async function waitForContainers(names: readonly string[], flags: StoreFlags): Promise<void> {
  using opened = await openContainerHost(flags);
  await each(names, async (name) => process.stdout.write(`${await opened.host.wait(name)}\n`));
}

export type StartFlags = StoreFlags &
  Readonly<{ attach?: boolean; interactive?: boolean; sigProxy?: boolean; detachKeys?: string }>;

/** `berth start`. @returns the exit code. */
export async function startContainers(names: readonly string[], flags: StartFlags): Promise<number> {
  if (flags.attach !== true && flags.interactive !== true) {
    await eachContainer(names, flags, (host, name) => host.start(name));
    return 0;
  }
  const [name = '', ...more] = names;
  if (more.length > 0) throw new UsageError('you cannot start and attach multiple containers at once');
  using opened = await openContainerHost(flags);
  const { host } = opened;
  const record = await host.get(name);
  const input = flags.interactive === true;
  if (isAlive(record)) return await attached(host, record, { ...flags, stdin: input });
  return await runAttached(host, record, { ...flags, sigProxy: proxiesSignals(record, flags), input });
}

/** `berth attach`. @returns the exit code. */
export async function attachToContainer(name: string, flags: AttachFlags): Promise<number> {
  using opened = await openContainerHost(flags);
  return await attached(opened.host, await opened.host.running(name), flags);
}

/** This terminal on one that runs. @returns its exit code, or that of who left it. */
async function attached(
  host: ContainerHost,
  record: ContainerRecord,
  { detachKeys = DEFAULT_DETACH_KEYS, ...flags }: AttachFlags,
): Promise<number> {
  const { id, config, state } = record;
  if (state.status === 'paused') throw new Error('you cannot attach to a paused container, unpause it first');
  using session = new ContainerSession(host, {
    id,
    input: config.OpenStdin === true && flags.stdin !== false,
    outputs: BOTH_OUTPUTS,
    terminal: config.Tty === true,
    redraws: true,
    proxiesSignals: proxiesSignals(record, flags),
    detachKeys,
  });
  postAttach(host.events, record);
  await session.open(host.folder(id));
  session.takeOver(host.folder(id));
  session.hasStarted();
  const left = await session.left();
  return left ?? (await host.wait(id));
}

/** As with docker: who comes to a terminal later may leave it by a signal. */
function proxiesSignals(
  { config }: ContainerRecord,
  { sigProxy = true }: Pick<AttachFlags, 'sigProxy'>,
): boolean {
  return sigProxy && config.Tty !== true;
}

export type AttachFlags = StoreFlags & Readonly<{ stdin?: boolean; sigProxy?: boolean; detachKeys?: string }>;

/** `berth container cleanup`, which monitors call: what comes after the end of a container. */
export async function cleanUpContainer(id: string, flags: StoreFlags): Promise<void> {
  using opened = await openContainerHost(flags);
  await opened.host.cleanUp(id);
}

function stopOptions({ time, timeout = time, signal }: StopFlags) {
  return {
    ...(timeout !== undefined && { seconds: timeout }),
    ...(signal !== undefined && { signal: checkedSignal(signal) }),
  };
}

/** `KILL`, `SIGKILL` or `9`. @throws {UsageError} */
function checkedSignal(text: string): string {
  try {
    parseSignal(text);
    return text;
  } catch (error) {
    throw new UsageError(`invalid signal: ${text}`, { cause: error });
  }
}
