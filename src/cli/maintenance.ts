import { setTimeout as sleep } from 'node:timers/promises';
import type { JobQueue } from '../index/index.js';
import { heapTidier } from '../memory/index.js';
import type { Config } from '../registry/config/index.js';
import { type JobOutcome, Maintenance, type Outcome, type Task } from '../registry/maintenance/index.js';
import { RepositoryBlobs, RepositoryManifests } from '../registry/repositories/index.js';
import { isDiskFailure } from '../sqlite/index.js';
import { consoleLogger } from './console-logger.js';
import { LEAD } from './lead.js';
import { maintenanceWitness, ownWitness } from './maintenance-witness.js';
import type { Mirrors } from './mirrors.js';
import { openMirrors } from './open-mirrors.js';
import { type OpenStore, openExistingStore, takeRoot } from './open-store.js';
import { RootTakenError } from './root-lock.js';
import { manifestRules, retentionRules } from './settings.js';
import { openWitnesses, type Witnesses } from './witnesses.js';

/** At first, when little is to be done: it is half as long again each time. */
const FIRST_LOOK_MS = 20;
const LOOK_EVERY_MS = 50;
/** A server looks more often. Whoever has not looked by then may be another command, which looks for nothing. */
const UNTAKEN_MS = 500;
/** A server may be busy with something else, and a command has the files until it is done. */
const MAX_WAIT_MS = 30_000;
/** For a server to be done before the user is told why it may not be. */
const PATIENCE_MS = 2000;

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
    await using opened = await openExistingStore(config, quiet(), { alone: true });
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
  using root = takeRoot(config, quiet());
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

/**
 * Whoever begins to serve, and whoever makes the index anew, forgets what nobody took yet: then it is asked for again.
 * @returns nothing when nobody takes it.
 */
async function askServer(jobs: JobQueue, task: Task): Promise<Outcome | undefined> {
  const ask = () => jobs.add(JSON.stringify(task));
  let id = await ask();
  let taken = false;
  let told = !process.stderr.isTTY || task.kind !== 'collect';
  try {
    const asked = performance.now();
    for (let wait = FIRST_LOOK_MS; ; wait = Math.min(wait * 1.5, LOOK_EVERY_MS)) {
      await sleep(wait);
      const job = await jobs.find(id);
      if (job?.outcome !== undefined) return resultOf(JSON.parse(job.outcome) as JobOutcome);
      if (taken && !job) throw new Error('the server was started anew, or lost its index: try again');
      taken = job?.taken ?? false;
      if (!told && taken && performance.now() - asked > PATIENCE_MS) {
        told = true;
        process.stderr.write(
          'berth: the server is at it; soon after a start it compares its index with the files first\n',
        );
      }
      if (!taken && performance.now() - asked > UNTAKEN_MS && (await jobs.withdraw(id))) return undefined;
      if (!job) id = await ask();
    }
  } finally {
    await jobs.drop(id);
  }
}

function resultOf(outcome: JobOutcome): Outcome {
  if ('failed' in outcome) throw new Error(outcome.failed);
  return outcome.done;
}
