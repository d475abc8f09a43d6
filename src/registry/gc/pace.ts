import { setTimeout as sleep } from 'node:timers/promises';

/** Between two requests of one client there are moments without any. */
const QUIET_MS = 500;
/** After each batch, times as long as that took: so much of the disk and the processors is left to others. */
const REST = 3;
/** A batch may have waited long for a lock, or for a store that is far away. */
const MAX_REST_MS = 50;

/**
 * Leaves time to those who wait for an answer: while there are any, one batch is done at a time, with a rest behind it that
 * is the longer the longer the batch took. A slow disk, or one that others keep busy, is thereby left alone for as much of
 * the time as a quick one.
 */
export class Pace {
  readonly #requests: () => number;
  #busyUntil = 0;
  #rested: Promise<unknown> = Promise.resolve();

  /** @param requests how many are under way. */
  constructor(requests: () => number) {
    this.#requests = requests;
  }

  /** Does a batch when its turn has come: at once where nobody waits for an answer. @throws what `batch` throws. */
  run<T>(batch: () => Promise<T>): Promise<T> {
    if (!this.#isBusy()) return batch();
    const begun = this.#rested.then(() => performance.now());
    const done = begun.then(batch);
    const rest = async () => {
      const took = performance.now() - (await begun);
      if (this.#isBusy()) await sleep(Math.min(took * REST, MAX_REST_MS));
    };
    this.#rested = done.then(rest, rest);
    return done;
  }

  #isBusy(): boolean {
    const now = performance.now();
    if (this.#requests() > 0) this.#busyUntil = now + QUIET_MS;
    return now < this.#busyUntil;
  }
}
