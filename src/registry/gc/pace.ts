import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds: what time it is, and how to wait. */
export type Clock = Readonly<{ now: () => number; sleep: (milliseconds: number) => Promise<unknown> }>;
/** What share of its time the thread that answers had nothing to do, since this was asked before. */
export type SpareShare = () => number;

const CLOCK: Clock = { now: () => performance.now(), sleep };
/** Between two requests of one client there are moments without any. */
const QUIET_MS = 500;
/** After each batch, times as long as that took: so much is left to others where there is no time to spare. */
const MAX_REST = 3;
/** Less is none. */
const MIN_REST = 0.25;
/** How long the time to spare is watched before rests become longer or shorter. */
const WATCH_MS = 100;
/**
 * Of the time of the thread that answers, what the removals themselves take included. With more to spare rests become shorter,
 * with less longer: a client that waits for each answer waits for all that the thread does meanwhile.
 */
const SPARE = { enough: 0.6, little: 0.4 };
/** A batch may have waited long for a lock, a slow disk, or a store that is far away. */
const MAX_REST_MS = 50;
/** Timers are late by a millisecond and more: shorter rests are taken together. */
const MIN_REST_MS = 10;
/** So many removals are done in one go. While somebody waits for an answer, few: he waits as long as one batch takes. */
const BATCH = { many: 500, few: 100 };

/**
 * Leaves time to those who wait for an answer: while there are any, one batch is done at a time, with a rest behind it that
 * is the longer the longer the batch took, and the longer the less time the thread that answers has to spare.
 */
export class Pace {
  readonly #requests: () => number;
  readonly #clock: Clock;
  readonly #spareShare: SpareShare;
  #busyUntil = 0;
  #rest = MAX_REST;
  #watchedAt = Number.NEGATIVE_INFINITY;
  /** Milliseconds of rest that are still to be taken; less than none where a timer was late. */
  #owed = 0;
  #rested: Promise<unknown> = Promise.resolve();

  /** @param requests how many are under way. */
  constructor(
    requests: () => number,
    { clock = CLOCK, spareShare = spareOfThread() }: { clock?: Clock; spareShare?: SpareShare } = {},
  ) {
    this.#requests = requests;
    this.#clock = clock;
    this.#spareShare = spareShare;
  }

  /** How many removals make a batch now. */
  get batch(): number {
    return this.#isBusy() ? BATCH.few : BATCH.many;
  }

  /** Does a batch when its turn has come: at once where nobody waits for an answer. @throws what `batch` throws. */
  run<T>(batch: () => Promise<T>): Promise<T> {
    if (!this.#isBusy()) return batch();
    const begun = this.#rested.then(() => this.#clock.now());
    const done = begun.then(batch);
    const rest = async () => this.#takeRest(this.#clock.now() - (await begun));
    this.#rested = done.then(rest, rest);
    return done;
  }

  async #takeRest(tookMs: number): Promise<void> {
    this.#watch();
    this.#owed += Math.min(tookMs * this.#rest, MAX_REST_MS);
    if (this.#owed < MIN_REST_MS) return;
    const begun = this.#clock.now();
    await this.#clock.sleep(this.#owed);
    const takenMs = this.#clock.now() - begun;
    this.#owed = Math.max(this.#owed - takenMs, -MAX_REST_MS); // a process that was stopped owes rests again
  }

  /** Longer or shorter rests, as the thread was kept busy lately. */
  #watch(): void {
    const now = this.#clock.now();
    if (now - this.#watchedAt < WATCH_MS) return;
    this.#watchedAt = now;
    const share = this.#spareShare();
    if (share < SPARE.little) this.#rest = Math.min(Math.max(this.#rest, MIN_REST) * 2, MAX_REST);
    else if (share > SPARE.enough) this.#rest = this.#rest <= MIN_REST ? 0 : this.#rest / 2;
  }

  #isBusy(): boolean {
    const now = this.#clock.now();
    if (this.#requests() > 0) this.#busyUntil = now + QUIET_MS;
    return now < this.#busyUntil;
  }
}

/** A thread that waits for a processor counts as busy, as for who waits for its answer it is. */
function spareOfThread(): SpareShare {
  let last = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    return 1 - utilization;
  };
}
