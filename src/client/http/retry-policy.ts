import { setTimeout as sleep } from 'node:timers/promises';

export type RetryPolicyOptions = Readonly<{
  /** How often something is tried again before it fails. */
  retries?: number | undefined;
  baseMs?: number | undefined;
  /** A registry that wants us to stay away for longer is not waited for. */
  maxRetryAfterMs?: number | undefined;
  random?: () => number;
}>;

const DEFAULT_RETRIES = 5;
const DEFAULT_BASE_MS = 500;
const MAX_PAUSE_MS = 30_000;
const DEFAULT_MAX_RETRY_AFTER_MS = 120_000;

/** Statuses that another attempt may change: throttled, overloaded, a proxy without its registry. */
const TRANSIENT = new Set([408, 425, 429, 499, 500, 502, 503, 504, 522, 524]);

/** When to try again, and when to give up. */
export class RetryPolicy {
  readonly retries: number;
  readonly #baseMs: number;
  readonly #maxRetryAfterMs: number;
  readonly #random: () => number;

  constructor({
    retries = DEFAULT_RETRIES,
    baseMs = DEFAULT_BASE_MS,
    maxRetryAfterMs = DEFAULT_MAX_RETRY_AFTER_MS,
    random = Math.random,
  }: RetryPolicyOptions) {
    this.retries = retries;
    this.#baseMs = baseMs;
    this.#maxRetryAfterMs = maxRetryAfterMs;
    this.#random = random;
  }

  isTransient(status: number): boolean {
    return TRANSIENT.has(status);
  }

  /**
   * Waits before the next attempt: about twice as long as before the last one, and at least what the registry wants.
   * @param failures attempts that failed so far, from 1 on.
   * @returns false when it is not worth waiting any more.
   */
  async pause(
    failures: number,
    retryAfter: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    const wanted = parseRetryAfter(retryAfter, Date.now());
    if (failures > this.retries || wanted > this.#maxRetryAfterMs) return false;
    const backoff = Math.min(MAX_PAUSE_MS, this.#baseMs * 2 ** (failures - 1));
    const pauseMs = wanted + backoff * (0.5 + this.#random() / 2);
    await sleep(pauseMs, undefined, signal === undefined ? {} : { signal }).catch(() => {});
    signal?.throwIfAborted();
    return true;
  }
}

/** Milliseconds; 0 when nothing sensible is said. RFC 9110 section 10.2.3: seconds or a date. */
export function parseRetryAfter(text: string | undefined, now: number): number {
  if (text === undefined) return 0;
  if (/^\d{1,9}$/.test(text.trim())) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? 0 : Math.max(0, date - now);
}
