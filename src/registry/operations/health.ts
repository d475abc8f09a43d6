import { setTimeout as sleep } from 'node:timers/promises';
import type { MetadataIndex } from '../../index/index.js';
import type { StorageDriver } from '../../storage/index.js';
import type { Config } from '../config/index.js';
import type { Logger } from '../logger.js';
import { type Check, configuredChecks, ownChecks } from './health-checks.js';
import { describeError } from './log-fields.js';

export type HealthOptions = Readonly<{
  checks: Config['health'];
  /** `berth.minfreespace` */
  minFreeBytes: number;
  /** `storage.maintenance.readonly.enabled`: the store may well refuse writes. */
  readOnly: boolean;
  driver: StorageDriver;
  index: Pick<MetadataIndex, 'check'>;
  /** Those of other parts. */
  more?: readonly Check[];
  log: Logger;
  /** A check that takes longer has failed, though it goes on: a dead file system cannot be told to stop. */
  maxCheckMs?: number;
}>;

/** Key in the answer of /debug/health, as in the reference registry. */
const MANUAL = 'manual_http_status';
const MAX_CHECK_MS = 30_000;
const MIN_INTERVAL_MS = 100;

/**
 * Whether the registry can do its work. `down`: it must not answer. Short of that it may be degraded: `status` says
 * so, and pulls go on.
 */
export class Health {
  readonly #watched: readonly WatchedCheck[];
  #manual = false;

  constructor({ checks, driver, index, minFreeBytes, readOnly, more = [], ...rest }: HealthOptions) {
    const own = ownChecks({ driver, index }, { storage: checks.storagedriver, minFreeBytes, readOnly });
    this.#watched = [...own, ...more, ...configuredChecks(checks)].map(
      (check) => new WatchedCheck(check, rest),
    );
  }

  /** Runs each check now and then at its intervals, until the signal aborts. */
  start(signal: AbortSignal): void {
    for (const watched of this.#watched) void watched.watch(signal); // it never rejects
  }

  /** Why the API must not answer, fit for strangers: the rest is told by `status`. */
  get down(): string | undefined {
    if (this.#manual) return 'it was taken down by hand';
    const failed = this.#watched.some(({ failure, effect }) => failure !== undefined && effect === 'down');
    return failed ? 'a health check failed, see /debug/health' : undefined;
  }

  /** All that is wrong now, by the names of the checks. Empty: all is well. */
  status(): Record<string, string> {
    const failures: Record<string, string> = this.#manual ? { [MANUAL]: 'taken down by hand' } : {};
    for (const { name, failure } of this.#watched) {
      if (failure !== undefined) failures[name] = failure;
    }
    return failures;
  }

  /** Takes the registry out of service, or back into it. */
  setManual(down: boolean): void {
    this.#manual = down;
  }
}

type Failure = Readonly<{
  /** Says nothing of where this machine has files. */
  shown: string;
  logged: string;
}>;

function failureOf(error: unknown): Failure {
  return { shown: describeError(error, { withoutPaths: true }), logged: describeError(error) };
}

/** A check with its latest results. */
class WatchedCheck {
  readonly #check: Check;
  readonly #log: Logger;
  readonly #maxMs: number;
  #failuresInRow = 0;
  #failure: Failure | undefined;
  /** Still running from an earlier round: a store that hangs must not be asked again and again. */
  #running: Promise<Failure | undefined> | undefined;

  constructor(check: Check, options: Pick<HealthOptions, 'log' | 'maxCheckMs'>) {
    this.#check = check;
    this.#log = options.log;
    this.#maxMs = options.maxCheckMs ?? MAX_CHECK_MS;
  }

  get name(): string {
    return this.#check.name;
  }

  get effect(): Check['effect'] {
    return this.#check.effect;
  }

  /** What is wrong, once it was wrong often enough. */
  get failure(): string | undefined {
    return this.#failure?.shown;
  }

  async watch(signal: AbortSignal): Promise<void> {
    const intervalMs = Math.max(this.#check.intervalMs, MIN_INTERVAL_MS);
    while (!signal.aborted) {
      const outcome = await this.#outcome(signal);
      if (signal.aborted) return;
      this.#take(outcome);
      await sleep(intervalMs, undefined, { signal, ref: false }).catch(() => {});
    }
  }

  /** `undefined` when nothing is wrong. Never rejects. */
  async #outcome(signal: AbortSignal): Promise<Failure | undefined> {
    this.#running ??= this.#run(signal).finally(() => {
      this.#running = undefined;
    });
    const given = new AbortController();
    const late = sleep(this.#maxMs, failureOf(new Error(`no answer within ${this.#maxMs} ms`)), {
      signal: AbortSignal.any([signal, given.signal]),
      ref: false,
    }).catch(() => undefined);
    const outcome = await Promise.race([this.#running, late]);
    given.abort();
    return outcome;
  }

  async #run(signal: AbortSignal): Promise<Failure | undefined> {
    try {
      await this.#check.run(signal);
      return undefined;
    } catch (error) {
      return failureOf(error);
    }
  }

  #take(outcome: Failure | undefined): void {
    const { name: check, threshold, effect } = this.#check;
    this.#failuresInRow = outcome === undefined ? 0 : this.#failuresInRow + 1;
    const failure = this.#failuresInRow >= threshold ? outcome : undefined;
    if (failure !== undefined && this.#failure === undefined) {
      this.#log.warn({ check, effect, reason: failure.logged }, 'a health check failed');
    }
    if (failure === undefined && this.#failure !== undefined)
      this.#log.info({ check }, 'a health check recovered');
    this.#failure = failure;
  }
}
