import { UpstreamUnavailableError } from './errors.js';

/** An upstream that just failed is left alone for so long by those who can do without. */
const PAUSE_MS = 15_000;
const MAX_PAUSE_MS = 5 * 60_000;

/** Remembers that an upstream failed, so that not everybody waits for it in turn. */
export class BackOff {
  readonly #now: () => Date;
  #until = 0;
  #reason: UpstreamUnavailableError | undefined;

  constructor(now: () => Date) {
    this.#now = now;
  }

  /** Why it should not be asked now, if so. */
  get reason(): UpstreamUnavailableError | undefined {
    return this.#now().getTime() < this.#until ? this.#reason : undefined;
  }

  /** Takes notice of how the request ends. */
  async watch<T>(request: () => Promise<T>): Promise<T> {
    try {
      const answer = await request();
      this.#until = 0;
      return answer;
    } catch (error) {
      if (error instanceof UpstreamUnavailableError) {
        const pause = Math.min(MAX_PAUSE_MS, error.retryAfterMs ?? PAUSE_MS);
        this.#until = this.#now().getTime() + pause;
        this.#reason = error;
      }
      throw error;
    }
  }
}
