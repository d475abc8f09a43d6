import type { EngineEvent, PostedEvent } from './event.js';

/** Those who ask for the past are told of so many. */
const KEPT = 256;
/** For a listener that does not read; what comes after these is lost to it. */
const MAX_WAITING = 10_000;

/** What happens, for all who want to know; the last events are kept for those who ask later. */
export class EventBus {
  readonly #past: PostedEvent[] = [];
  readonly #listeners = new Set<(event: PostedEvent) => void>();
  #lastNs = 0n;

  post(event: EngineEvent): void {
    const posted = { ...event, timeNs: this.#now() };
    this.#past.push(posted);
    if (this.#past.length > KEPT) this.#past.shift();
    for (const tell of this.#listeners) tell(posted);
  }

  /** From the oldest that is kept and not before `sinceNs` on, then as they come, until `signal`. */
  async *follow(sinceNs: bigint | undefined, signal: AbortSignal): AsyncGenerator<PostedEvent> {
    const waiting = sinceNs === undefined ? [] : this.#past.filter(({ timeNs }) => timeNs >= sinceNs);
    let wake = () => {};
    const tell = (event: PostedEvent) => {
      if (waiting.length < MAX_WAITING) waiting.push(event);
      wake();
    };
    const stop = () => wake();
    this.#listeners.add(tell);
    signal.addEventListener('abort', stop);
    try {
      while (!signal.aborted) {
        const event = waiting.shift();
        if (event !== undefined) yield event;
        else
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
      }
    } finally {
      this.#listeners.delete(tell);
      signal.removeEventListener('abort', stop);
    }
  }

  /** What is kept between two times, both included. */
  between(sinceNs: bigint, untilNs: bigint): PostedEvent[] {
    return this.#past.filter(({ timeNs }) => timeNs >= sinceNs && timeNs <= untilNs);
  }

  /** Never the same twice, so that events can be told apart, and put in order. */
  #now(): bigint {
    const now = BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)) * 1000n;
    this.#lastNs = now > this.#lastNs ? now : this.#lastNs + 1000n;
    return this.#lastNs;
  }
}
