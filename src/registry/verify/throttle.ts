import { setTimeout as sleep } from 'node:timers/promises';

/** Waits shorter than this are not worth a timer. */
const MIN_WAIT_MS = 5;
/** What was not used a while ago is lost: a pause must not be followed by a rush. */
const MAX_CREDIT_MS = 100;

/** Keeps several readers together below so many bytes in a second. */
export class Throttle {
  readonly #bytesPerMs: number;
  readonly #now: () => number;
  /** When all that was taken so far may have been. */
  #paidAt: number;

  /** @param bytesPerSecond `undefined` for no bound. */
  constructor(bytesPerSecond: number | undefined, now = () => performance.now()) {
    this.#bytesPerMs = bytesPerSecond === undefined ? Number.POSITIVE_INFINITY : bytesPerSecond / 1000;
    this.#now = now;
    this.#paidAt = now();
  }

  /** Resolves when so many bytes more may have been read. @throws the reason of `signal`. */
  async take(bytes: number, signal?: AbortSignal): Promise<void> {
    const now = this.#now();
    this.#paidAt = Math.max(this.#paidAt, now - MAX_CREDIT_MS) + bytes / this.#bytesPerMs;
    const wait = this.#paidAt - now;
    if (wait >= MIN_WAIT_MS) await sleep(wait, undefined, signal ? { signal, ref: true } : {});
  }
}
