import { setTimeout as sleep } from 'node:timers/promises';
import type { JobQueue } from '../../index/index.js';
import type { Logger } from '../logger.js';
import type { IndexSync, RepositoryStore } from '../repositories/index.js';
import { logFailure } from './failure.js';
import type { Maintenance, Outcome, Task } from './maintenance.js';

/** Somebody waits for it at a terminal. A look is one read of an empty table. */
const LOOK_EVERY_MS = 100;
/** For a comparison of index and files to end; there may be much to compare. */
const MAX_COMPARING_MS = 10 * 60_000;

/** What became of a job, as the command that asked for it reads it. */
export type JobOutcome = Readonly<{ done: Outcome }> | Readonly<{ failed: string }>;

/** Does what commands beside the server ask for: they leave it in the index, which both can open. */
export class JobRunner {
  readonly #jobs: JobQueue;
  readonly #sync: Pick<IndexSync, 'check' | 'complete' | 'failure'>;
  readonly #maintenance: Maintenance;
  readonly #log: Logger;
  /** What must not go side by side, maintenance puts one behind the other. */
  readonly #underWay = new Set<Promise<void>>();

  constructor(
    { index, sync }: Pick<RepositoryStore, 'index' | 'sync'>,
    maintenance: Maintenance,
    log: Logger,
  ) {
    this.#jobs = index.jobs;
    this.#sync = sync;
    this.#maintenance = maintenance;
    this.#log = log;
  }

  /** Until `signal`. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#unlessUnavailable(() => this.#jobs.dropAll());
    while (!signal.aborted) {
      await this.#unlessUnavailable(async () => {
        await this.#sync.check(); // the command may have found it gone, and made another
        await this.#doAll(signal);
      });
      await sleep(LOOK_EVERY_MS, undefined, { signal, ref: false }).catch(() => {});
    }
    await Promise.all(this.#underWay);
  }

  async #doAll(signal: AbortSignal): Promise<void> {
    for (let job = await this.#jobs.take(); job && !signal.aborted; job = await this.#jobs.take()) {
      const { kind } = JSON.parse(job.task) as Task;
      this.#log.info({ task: kind }, 'a command asks for maintenance');
      const done = this.#do(job, signal).finally(() => this.#underWay.delete(done));
      this.#underWay.add(done);
    }
  }

  async #do({ id, task }: Readonly<{ id: number; task: string }>, signal: AbortSignal): Promise<void> {
    const outcome = await this.#outcomeOf(JSON.parse(task) as Task, signal);
    await this.#unlessUnavailable(() => this.#jobs.finish(id, JSON.stringify(outcome)));
  }

  async #outcomeOf(task: Task, signal: AbortSignal): Promise<JobOutcome> {
    try {
      if (task.kind === 'collect') await this.#untilCompared(signal);
      return { done: await this.#maintenance.run(task, signal) };
    } catch (error) {
      logFailure(this.#log, error, {});
      return { failed: error instanceof Error ? error.message : String(error) };
    }
  }

  /** Soon after a start nothing can be concluded from the index yet. What needs less goes on meanwhile. */
  async #untilCompared(signal: AbortSignal): Promise<void> {
    const deadline = performance.now() + MAX_COMPARING_MS;
    const isUnderWay = () => !this.#sync.complete && this.#sync.failure === undefined;
    while (isUnderWay() && !signal.aborted && performance.now() < deadline)
      await sleep(LOOK_EVERY_MS, undefined, { signal, ref: false }).catch(() => {});
  }

  /** The index may be on a disk that is full, read-only or busy for a while. */
  async #unlessUnavailable(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#log.debug({ error }, 'no jobs can be read from the index now');
    }
  }
}
