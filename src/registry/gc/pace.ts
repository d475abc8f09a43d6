import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds: what time it is, and how to wait. */
export type Clock = Readonly<{ now: () => number; sleep: (milliseconds: number) => Promise<unknown> }>;

const CLOCK: Clock = { now: () => performance.now(), sleep };
/** Between two requests of one client there are moments without any. */
const QUIET_MS = 500;
/** After each batch, times as long as that took: so much is left to others. */
const REST = 3;
/** A batch may have waited long for a lock, a slow disk, or a store that is far away. */
const MAX_REST_MS = 50;
/** Timers are late by a millisecond and more: shorter rests are taken together. */
const MIN_REST_MS = 10;

/**
 * Leaves time to those who wait for an answer: while there are any, one batch is done at a time, with a rest behind it that
 * is the longer the longer the batch took: on a machine that others keep busy, a collection takes no larger share of it.
 */
export class Pace {
  readonly #requests: () => number;
  readonly #clock: Clock;
  #busyUntil = 0;
  /** Milliseconds of rest that are still to be taken; less than none where a timer was late. */
  #owed = 0;
  #rested: Promise<unknown> = Promise.resolve();

  /** @param requests how many are under way. */
  constructor(requests: () => number, clock = CLOCK) {
    this.#requests = requests;
    this.#clock = clock;
  }

  /** Does a batch when its turn has come: at once where nobody waits for an answer. @throws what `batch` throws. */
  run<T>(batch: () => Promise<T>): Promise<T> {
    if (!this.#isBusy()) return batch();
    const begun = this.#rested.then(() => this.#clock.now());
    const done = begun.then(batch);
    const rest = async () => this.#rest(this.#clock.now() - (await begun));
    this.#rested = done.then(rest, rest);
    return done;
  }

  async #rest(tookMs: number): Promise<void> {
    this.#owed += Math.min(tookMs * REST, MAX_REST_MS);
    if (this.#owed < MIN_REST_MS) return;
    const begun = this.#clock.now();
    await this.#clock.sleep(this.#owed);
    const takenMs = this.#clock.now() - begun;
    this.#owed = Math.max(this.#owed - takenMs, -MAX_REST_MS); // a process that was stopped owes rests again
  }

  #isBusy(): boolean {
    const now = this.#clock.now();
    if (this.#requests() > 0) this.#busyUntil = now + QUIET_MS;
    return now < this.#busyUntil;
  }
}
