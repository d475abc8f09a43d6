import { OciError } from '../../oci/index.js';

/**
 * Runs a few slow checks at a time, in the order they came, and turns callers away rather than let them pile up.
 * Callers with the same key share one run.
 */
export class CheckQueue {
  readonly #atOnce: number;
  readonly #maxWaiting: number;
  readonly #shared = new Map<string, Promise<boolean>>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(options: { atOnce: number; maxWaiting: number }) {
    this.#atOnce = options.atOnce;
    this.#maxWaiting = options.maxWaiting;
  }

  /** @throws {OciError} TOOMANYREQUESTS: the queue is full. */
  run(key: string, check: () => Promise<boolean>): Promise<boolean> {
    const same = this.#shared.get(key);
    if (same !== undefined) return same;
    const result = this.#inTurn(check).finally(() => this.#shared.delete(key));
    this.#shared.set(key, result);
    return result;
  }

  async #inTurn(check: () => Promise<boolean>): Promise<boolean> {
    if (this.#running < this.#atOnce) this.#running++;
    else await this.#wait(); // whoever is done hands its place over
    try {
      return await check();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }

  #wait(): Promise<void> {
    if (this.#waiting.length >= this.#maxWaiting) {
      throw new OciError('TOOMANYREQUESTS', 'too many logins are being checked; try again in a few seconds');
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
