import { OciError } from '../../oci/index.js';

type Waiter = Readonly<{ begin: () => void; refuse: (error: Error) => void }>;

/**
 * Runs a few slow checks at a time, and turns callers away rather than let them pile up. Those who wait for different names take
 * turns, so that many guesses at one password do not keep the others out. Callers with the same key share one run.
 */
export class CheckQueue {
  readonly #atOnce: number;
  readonly #maxWaiting: number;
  readonly #shared = new Map<string, Promise<boolean>>();
  /** By name; whose turn it is comes first. */
  readonly #waiting = new Map<string, Waiter[]>();
  #waitingCount = 0;
  #running = 0;

  constructor(options: { atOnce: number; maxWaiting: number }) {
    this.#atOnce = options.atOnce;
    this.#maxWaiting = options.maxWaiting;
  }

  /** @throws {OciError} TOOMANYREQUESTS: the queue is full, of checks for this name or of one for each of many. */
  run(key: string, name: string, check: () => Promise<boolean>): Promise<boolean> {
    const same = this.#shared.get(key);
    if (same !== undefined) return same;
    const result = this.#inTurn(name, check).finally(() => this.#shared.delete(key));
    this.#shared.set(key, result);
    return result;
  }

  async #inTurn(name: string, check: () => Promise<boolean>): Promise<boolean> {
    if (this.#running < this.#atOnce) this.#running++;
    else await this.#wait(name); // whoever is done hands its place over
    try {
      return await check();
    } finally {
      const next = this.#next();
      if (next === undefined) this.#running--;
      else next.begin();
    }
  }

  #wait(name: string): Promise<void> {
    if (this.#waitingCount >= this.#maxWaiting) this.#makeRoom(name);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiters = this.#waiting.get(name) ?? [];
    waiters.push({ begin: resolve, refuse: reject });
    this.#waiting.set(name, waiters);
    this.#waitingCount++;
    return promise;
  }

  /** The last who came for the name that most wait for goes, unless that would be who comes now. */
  #makeRoom(name: string): void {
    const error = new OciError(
      'TOOMANYREQUESTS',
      'too many logins are being checked; try again in a few seconds',
    );
    const own = this.#waiting.get(name)?.length ?? 0;
    const [longest = []] = [...this.#waiting.values()].toSorted((a, b) => b.length - a.length);
    if (longest.length <= own + 1) throw error;
    this.#waitingCount--;
    longest.pop()?.refuse(error);
  }

  #next(): Waiter | undefined {
    const [first] = this.#waiting;
    if (first === undefined) return undefined;
    const [name, waiters] = first;
    const next = waiters.shift();
    this.#waiting.delete(name);
    if (waiters.length > 0) this.#waiting.set(name, waiters); // behind the others
    this.#waitingCount--;
    return next;
  }
}
