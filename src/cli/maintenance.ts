import { heapTidier, keepHeapSmall } from '../memory/index.js';
import type { Config } from '../registry/config/index.js';
import { Maintenance, type Outcome, type Task } from '../registry/maintenance/index.js';
import { RepositoryBlobs, RepositoryManifests } from '../registry/repositories/index.js';
import { isDiskFailure } from '../sqlite/index.js';
import { askServer } from './ask-server.js';
import { consoleLogger } from './console-logger.js';
import { LEAD } from './lead.js';
import { maintenanceWitness, ownWitness } from './maintenance-witness.js';
import type { Mirrors } from './mirrors.js';
import { openMirrors } from './open-mirrors.js';
import { type OpenStore, openExistingStore } from './open-store.js';
import { RootTakenError } from './root-lock.js';
import { manifestRules, retentionRules } from './settings.js';
import { takeRoot } from './take-root.js';
import { openWitnesses, type Witnesses } from './witnesses.js';

/** A server may be busy with something else, and a command has the files until it is done. */
const MAX_WAIT_MS = 30_000;

/** What asks for each. */
const COMMANDS: Readonly<Record<Task['kind'], string>> = {
  collect: 'berth gc',
  restore: 'berth trash restore',
  'empty-trash': 'berth trash empty',
  mirror: 'berth mirror',
  mend: 'berth verify',
};

/** What makes room and writes nothing that lasts. */
const FREES: readonly Task['kind'][] = ['collect', 'empty-trash'];

/** `holder` is who has the files. */
type Attempt = Readonly<{ done: Outcome }> | Readonly<{ holder: string }>;

/**
 * Has a task done by the server that has the files, or does it here while none has, and as soon as another command that had
 * them is done.
 * @throws {Error} as the task does, or no answer comes.
 */
export async function perform(config: Config, task: Task): Promise<Outcome> {
  const begun = performance.now();
  for (;;) {
    const attempt = await performOnce(config, task);
    if ('done' in attempt) return attempt.done;
    if (performance.now() - begun > MAX_WAIT_MS)
      throw new Error(
        `${attempt.holder} has the files and does not answer: a command that is not done yet, or a server whose log may tell why`,
      );
  }
}

/** @returns who has the files, if that one does not take the task. */
async function performOnce(config: Config, task: Task): Promise<Attempt> {
  const here = await performHere(config, task);
  if ('done' in here) return here;
  try {
    await using opened = await openExistingStore(config, quiet());
    const done = await askServer(opened.index.jobs, task);
    return done ? { done } : here;
  } catch (error) {
    if (!isForWantOfRoom(error, task)) throw error;
    const advice = 'stop it and ask again: that needs no room';
    throw new Error(`the server cannot be asked while the disk of the index is full; ${advice}`, {
      cause: error,
    });
  }
}

async function performHere(config: Config, task: Task): Promise<Attempt> {
  try {
    await using opened = await openExistingStore(config, quiet(), { aloneFor: COMMANDS[task.kind] });
    using lead = await opened.locks?.tryAcquire(LEAD, 'alone');
    if (opened.locks && lead === undefined) return { holder: 'another process' };
    return { done: await performIn(opened, config, task, lead?.lost) };
  } catch (error) {
    if (error instanceof RootTakenError) return { holder: error.holder };
    if (!isForWantOfRoom(error, task)) throw error;
    return { done: await performOnFullDisk(config, task, error) };
  }
}

/** Whether only a full disk is in the way of what would make room on it. */
function isForWantOfRoom(error: unknown, { kind }: Task): boolean {
  return isDiskFailure(error) && FREES.includes(kind);
}

/** With an index that is made anew in memory: the one on the disk cannot be written. @throws `failure` if that may not be. */
async function performOnFullDisk(config: Config, task: Task, failure: unknown): Promise<Outcome> {
  using root = await takeRoot(config, quiet(), COMMANDS[task.kind]);
  if (root === undefined) throw failure;
  const log = quiet();
  log.warn({}, 'the index cannot be written where its disk is full: for this it is made anew in memory');
  await using opened = await openExistingStore(config, log, { withoutIndex: true });
  return await performIn(opened, config, task);
}

async function performIn(
  opened: OpenStore,
  config: Config,
  task: Task,
  signal?: AbortSignal,
): Promise<Outcome> {
  keepHeapSmall();
  // The index is trusted once it was compared with the files.
  // Other servers, who would hear that it was, must be able to rely on more than a collection must.
  const namesOnly = task.kind === 'collect' && opened.locks === undefined;
  if (task.kind !== 'empty-trash') await opened.store.sync.run({ namesOnly, between: heapTidier() });
  await using witnesses = await openWitnesses(config, {
    ...opened,
    log: quiet(),
    auditPath: auditPathOf(config),
  });
  await using mirrors = await openMirrors(config, opened, { log: quiet(), pushed: ownWitness(witnesses) });
  return await maintenanceOf(config, opened, { mirrors, witnesses }).run(task, signal);
}

function quiet() {
  return { ...consoleLogger(), info: () => {} };
}

function maintenanceOf(
  config: Config,
  { store }: Pick<OpenStore, 'store'>,
  { mirrors, witnesses }: Readonly<{ mirrors: Mirrors | undefined; witnesses: Witnesses }>,
): Maintenance {
  const blobs = new RepositoryBlobs(store);
  const manifests = new RepositoryManifests(store, manifestRules(config));
  const changed = maintenanceWitness(witnesses, manifests);
  return new Maintenance({ store, blobs, manifests, retention: retentionRules(config), mirrors, changed });
}

/** What a command prints is not mixed with it. */
function auditPathOf({ berth }: Config): string | undefined {
  return berth.audit.path === 'stdout' ? 'stderr' : berth.audit.path;
}
