import { accessSync, constants, existsSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { ImageNotFoundError } from '../content/index.js';
import type { LocalStore } from '../image/index.js';
import { type Platform, parseReference, READER_GONE, shortReference } from '../oci/index.js';
import {
  type Care,
  type ContainerHost,
  ContainerNotFoundError,
  type ContainerRecord,
  DEFAULT_DETACH_KEYS,
  postAttach,
} from '../runtime/container/index.js';
import { createBodyOf } from './container-body.js';
import { openContainerHost } from './container-host.js';
import { containerImages } from './container-images.js';
import type { ContainerFlags } from './container-options.js';
import {
  BOTH_OUTPUTS,
  ContainerSession,
  expectTerminal,
  parseAttached,
  type SessionOptions,
} from './container-session.js';
import { reportFailure, UsageError } from './failure.js';
import { parsedPlatform } from './transfer-choices.js';

export type RunFlags = ContainerFlags &
  Readonly<{ detach?: boolean; sigProxy?: boolean; detachKeys?: string }>;

/** As docker has it: the container could not be made or started. */
const NOT_STARTED = 125;
/** What it has to end properly, whose output nobody reads; `--stop-timeout` says otherwise. */
const UNREAD_GRACE_SECONDS = 1;

/** `berth create`: prints the id. */
export async function createContainer(
  image: string,
  command: readonly string[],
  flags: ContainerFlags,
): Promise<void> {
  using opened = await openContainerHost(flags);
  const { id } = await made(opened, image, command, flags);
  writeId(id, flags.cidfile);
  process.stdout.write(`${id}\n`);
}

/** `berth run`. @returns the exit code: the command's own, or 125, 126 or 127. @throws as {@link expectTerminal}. */
export async function runContainer(
  image: string,
  command: readonly string[],
  flags: RunFlags,
): Promise<number> {
  expectTerminal(flags);
  try {
    return await runOrThrow(image, command, flags);
  } catch (error) {
    // Codes below are the command's own.
    return Math.max(reportFailure(error, { debug: process.argv.includes('--debug') }), NOT_STARTED);
  }
}

async function runOrThrow(image: string, command: readonly string[], flags: RunFlags): Promise<number> {
  const isDetached = flags.detach === true;
  if (isDetached && flags.attach.length > 0)
    throw new UsageError('conflicting options: cannot specify both --attach and --detach');
  const attached = parseAttached(flags.attach);
  using opened = await openContainerHost(flags);
  const { host } = opened;
  const record = await made(opened, image, command, flags);
  if (isDetached) {
    writeId(record.id, flags.cidfile);
    await host.start(record.id);
    process.stdout.write(`${record.id}\n`);
    return 0;
  }
  return await runAttached(host, record, { ...flags, ...attached, stopsUnread: flags.sigProxy !== false });
}

/** Starts it with this terminal on it, to its end. @returns its exit code, or that of who left it. */
export async function runAttached(
  host: ContainerHost,
  record: ContainerRecord,
  {
    sigProxy = true,
    detachKeys = DEFAULT_DETACH_KEYS,
    input = record.config.OpenStdin === true,
    outputs = BOTH_OUTPUTS,
    stopsUnread = false,
    cidfile,
  }: SessionFlags,
): Promise<number> {
  const { id, config, hostConfig } = record;
  using session = new ContainerSession(host, {
    id,
    input,
    outputs,
    terminal: config.Tty === true,
    proxiesSignals: sigProxy,
    detachKeys,
  });
  writeId(id, cidfile); // who reads it may send signals to this process from then on
  using kept = new DisposableStack();
  postAttach(host.events, record);
  let care: Care | undefined;
  await host.start(id, {
    attach: (folder) => session.open(folder),
    beforeStart: (folder) => session.takeOver(folder),
    attend: (given) => {
      care = kept.use(given);
    },
  });
  session.hasStarted();
  const left = await session.left();
  const isToStop = left === READER_GONE && stopsUnread;
  if (isToStop) await stopUnread(host, record);
  else if (left !== undefined) return left; // what monitors call sees to its end
  const code = left ?? (await host.wait(id));
  // Whoever is told of the end may want its network or its image away next.
  if (care !== undefined || hostConfig.AutoRemove === true) await host.cleanUp(id);
  care?.done();
  return code;
}

/** It may have ended by itself meanwhile, and be removed with that. */
async function stopUnread(host: ContainerHost, { id, config }: ContainerRecord): Promise<void> {
  try {
    await host.stop(id, config.StopTimeout === undefined ? { seconds: UNREAD_GRACE_SECONDS } : {});
  } catch (error) {
    if (!(error instanceof ContainerNotFoundError)) throw error;
  }
}

type SessionFlags = Readonly<{
  sigProxy?: boolean;
  detachKeys?: string;
  /** It is stopped when nobody reads any more what it prints. */
  stopsUnread?: boolean;
  /** Gets the id once signals are the container's. */
  cidfile?: string;
}> &
  Partial<Pick<SessionOptions, 'input' | 'outputs'>>;

async function made(
  { host, store }: Readonly<{ host: ContainerHost; store: LocalStore }>,
  image: string,
  command: readonly string[],
  flags: ContainerFlags & Pick<RunFlags, 'detach'>,
): Promise<ContainerRecord> {
  const body = createBodyOf(image, command, flags);
  if (flags.cidfile !== undefined) expectRoomFor(flags.cidfile);
  await bringImage(store, image, flags);
  return await host.create(body, { name: flags.name, platform: statedPlatform(flags) });
}

/** Else nobody would be told of a container that is made already. */
function expectRoomFor(cidfile: string): void {
  if (existsSync(cidfile))
    throw new UsageError(`--cidfile ${cidfile}: there is such a file, of another container or of one before`);
  accessSync(dirname(cidfile), constants.W_OK);
}

function writeId(id: string, cidfile: string | undefined): void {
  if (cidfile !== undefined) writeFileSync(cidfile, id, { flag: 'wx' });
}

/** As `--pull` says. What is said of it goes to people, not into the result. */
async function bringImage(store: LocalStore, image: string, flags: ContainerFlags): Promise<void> {
  if (flags.pull !== 'always') {
    const missing = findMissing(store, image, flags);
    if (missing === undefined) return;
    if (flags.pull === 'never') throw missing;
    if (flags.quiet !== true)
      process.stderr.write(`Unable to find image '${shortReference(parseReference(image))}' locally\n`);
  }
  const [{ fetchImage }, { TransferSession }] = await Promise.all([
    import('./transfer-pull.js'),
    import('./transfer-session.js'),
  ]);
  const reference = parseReference(image);
  await using session = new TransferSession(flags);
  await fetchImage(session, await session.repository(reference), reference, flags);
}

/** @returns why there is none that could be run. */
function findMissing(
  store: LocalStore,
  image: string,
  flags: ContainerFlags,
): ImageNotFoundError | undefined {
  try {
    containerImages(store).get(image, statedPlatform(flags));
    return undefined;
  } catch (error) {
    if (error instanceof ImageNotFoundError) return error;
    throw error;
  }
}

function statedPlatform({ platform }: ContainerFlags): Platform | undefined {
  return platform === undefined ? undefined : parsedPlatform(platform);
}
