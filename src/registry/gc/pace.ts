import { setTimeout as sleep } from 'node:timers/promises';

/** A batch keeps the thread that answers requests busy for a tenth of that. */
const BETWEEN_MS = 20;

/** Leaves time to those who wait for an answer: while there are any, batches begin one after the other, with pauses. */
export class Pace {
  readonly #requests: () => number;
  #next = 0;

  /** @param requests how many are under way. */
  constructor(requests: () => number) {
    this.#requests = requests;
  }

  /** Resolves when the next batch may begin: at once where nobody waits. */
  async turn(): Promise<void> {
    if (this.#requests() === 0) return;
    const now = performance.now();
    const at = Math.max(now, this.#next);
    this.#next = at + BETWEEN_MS;
    if (at > now) await sleep(at - now);
  }
}
