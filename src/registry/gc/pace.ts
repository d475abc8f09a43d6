import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { IdleProcessors } from './idle-processors.js';

/** Milliseconds: what time it is, and how to wait. */
export type Clock = Readonly<{ now: () => number; sleep: (milliseconds: number) => Promise<unknown> }>;
/** What share of its time the machine had nothing to do, since this was asked before; `undefined` where nobody knows. */
export type IdleShare = () => number | undefined;

const CLOCK: Clock = { now: () => performance.now(), sleep };
/** Between two requests of one client there are moments without any. */
const QUIET_MS = 500;
/** After each batch, times as long as that took: so much is left to others where the machine has nothing to spare. */
const MAX_REST = 3;
/** Less is none. */
const MIN_REST = 0.25;
/** How long what the machine has to spare is watched before rests become longer or shorter. */
const WATCH_MS = 100;
/**
 * The rest of a machine that has more to spare becomes shorter, and ends at once where most of it is not used; of one that
 * has less, longer. With much to spare even while there is no rest, two batches go on at a time: one removes files while
 * the other asks the index.
 */
const SPARE = { most: 0.4, much: 0.2, enough: 0.15, little: 0.05 };
/** A batch may have waited long for a lock, a slow disk, or a store that is far away. */
const MAX_REST_MS = 50;
/** Timers are late by a millisecond and more: shorter rests are taken together. */
const MIN_REST_MS = 10;
/** So many removals are done in one go. While somebody waits for an answer, few: he waits as long as one batch takes. */
const BATCH = { many: 500, few: 100 };

/**
 * Leaves time to those who wait for an answer: while there are any, one batch is done at a time, with a rest behind it that
 * is the longer the longer the batch took, and the longer the less of the machine nobody uses; or two, where that is much.
 */
export class Pace {
  readonly #requests: () => number;
  readonly #clock: Clock;
  readonly #idleShare: IdleShare;
  #busyUntil = 0;
  #rest = MAX_REST;
  #watchedAt = Number.NEGATIVE_INFINITY;
  /** Milliseconds of rest that are still to be taken; less than none where a timer was late. */
  #owed = 0;
  /** How many batches are done at a time. */
  #atOnce = 1;
  /** How many have got a turn. */
  #turns = 0;
  /** The end of the last batch of each that may go on at a time, with its rest. */
  readonly #rested: Promise<unknown>[] = [];

  /** @param requests how many are under way. */
  constructor(
    requests: () => number,
    { clock = CLOCK, idleShare }: { clock?: Clock; idleShare?: IdleShare } = {},
  ) {
    this.#requests = requests;
    this.#clock = clock;
    const processors = new IdleProcessors();
    this.#idleShare = idleShare ?? (() => processors.share());
  }

  /** How many removals make a batch now. */
  get batch(): number {
    return this.#isBusy() ? BATCH.few : BATCH.many;
  }

  /**
   * Does a batch when its turn has come: at once where nobody waits for an answer. Before each, others get a turn of the event
   * loop: what only asks the index waits for nothing, and would go on to its end otherwise. @throws what `batch` throws.
   */
  run<T>(batch: () => Promise<T>): Promise<T> {
    if (!this.#isBusy()) return setImmediate().then(batch);
    const place = this.#turns % this.#atOnce;
    this.#turns += 1;
    const rested = Promise.resolve(this.#rested[place]);
    const begun = rested.then(() => setImmediate()).then(() => this.#clock.now());
    const done = begun.then(batch);
    const rest = async () => this.#takeRest(this.#clock.now() - (await begun));
    this.#rested[place] = done.then(rest, rest);
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

  /** Longer or shorter rests, and one batch or two, as the machine was kept busy lately. */
  #watch(): void {
    const now = this.#clock.now();
    if (now - this.#watchedAt < WATCH_MS) return;
    this.#watchedAt = now;
    const share = this.#idleShare();
    this.#atOnce = this.#rest === 0 && share !== undefined && share > SPARE.much ? 2 : 1;
    if (share === undefined || share < SPARE.little)
      this.#rest = Math.min(Math.max(this.#rest, MIN_REST) * 2, MAX_REST);
    else if (share > SPARE.most) this.#rest = 0;
    else if (share > SPARE.enough) this.#rest = this.#rest <= MIN_REST ? 0 : this.#rest / 2;
  }

  #isBusy(): boolean {
    const now = this.#clock.now();
    if (this.#requests() > 0) this.#busyUntil = now + QUIET_MS;
    return now < this.#busyUntil;
  }
}
