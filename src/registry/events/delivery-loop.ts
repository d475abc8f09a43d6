import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../logger.js';
import { backOff } from './back-off.js';
import type { Endpoint } from './endpoint.js';
import { envelopeOf } from './event.js';
import type { Delivery, EventQueue } from './event-queue.js';
import type { Answer, Sender } from './sender.js';

/** What is counted of deliveries. */
export interface DeliveryObserver {
  /** Events were queued. */
  queued(endpoint: string, events: number): void;
  /** A receiver answered. */
  answered(endpoint: string, answer: Readonly<{ status: number; accepted: boolean }>): void;
  /** A post got no answer. */
  failed(endpoint: string): void;
}

/** Events that are read at once. */
const BATCH = 50;
/** What was taken is marked together, and would come again if the process ended before. */
const MARK_MS = 50;
/** Other processes put events into the queue too. */
const LOOK_EVERY_MS = 1000;
/** For a receiver that fails now and then. */
const QUIET_MS = 60_000;
/** The queue cannot be read now: its disk may be full, or the file locked. */
const QUEUE_RETRY_MS = 5000;

export type LoopParts = Readonly<{
  queue: EventQueue;
  sender: Pick<Sender, 'post'>;
  log: Logger;
  observer: DeliveryObserver | undefined;
  now?: () => Date;
  random?: () => number;
}>;

/** Delivers what waits for one endpoint, one event after the other: a later one never overtakes. */
export class DeliveryLoop {
  readonly #endpoint: Endpoint;
  readonly #parts: Required<LoopParts>;
  #failures = 0;
  /** When the log said last that an event waits. */
  #saidAt = Number.NEGATIVE_INFINITY;
  #wake: (() => void) | undefined;

  constructor(endpoint: Endpoint, parts: LoopParts) {
    this.#endpoint = endpoint;
    this.#parts = { now: () => new Date(), random: Math.random, ...parts };
  }

  /** There is something new. */
  wake(): void {
    this.#wake?.();
  }

  /** Until `signal`; a post that is under way ends first. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const { queue } = this.#parts;
        const deliveries = await queue.next(this.#endpoint.name, BATCH);
        const wait = await this.#deliverAll(deliveries, signal);
        if (wait > 0) await sleep(wait, undefined, { signal, ref: false }).catch(() => {});
        else if (deliveries.length === 0) await this.#woken(signal);
      } catch (error) {
        this.#parts.log.error(
          { error, endpoint: this.#endpoint.name },
          'queued events cannot be read or marked',
        );
        await sleep(QUEUE_RETRY_MS, undefined, { signal, ref: false }).catch(() => {});
      }
    }
  }

  /** @returns how long to wait before what is left is tried again. */
  async #deliverAll(deliveries: readonly Delivery[], signal: AbortSignal): Promise<number> {
    const { queue, now } = this.#parts;
    let taken: number[] = [];
    let wait = 0;
    let markedAt = performance.now();
    for (const { id, body } of deliveries) {
      if (signal.aborted) break;
      wait = await this.#deliver(body);
      if (wait > 0) break; // the queue may have given it up by the next time
      taken.push(id);
      if (performance.now() - markedAt < MARK_MS) continue;
      await queue.delivered(taken, now());
      taken = [];
      markedAt = performance.now();
    }
    if (taken.length > 0) await queue.delivered(taken, now());
    return wait;
  }

  /** @returns how long to wait before it is tried again; 0 once it was taken. */
  async #deliver(body: string): Promise<number> {
    const { sender, observer } = this.#parts;
    const { name } = this.#endpoint;
    let answer: Answer;
    try {
      answer = await sender.post(envelopeOf(body));
    } catch (error) {
      observer?.failed(name);
      return this.#failed(error, undefined);
    }
    // As in the reference registry; a redirect was followed.
    const accepted = answer.status >= 200 && answer.status < 400;
    observer?.answered(name, { status: answer.status, accepted });
    if (!accepted) return this.#failed(`it answered ${answer.status}`, answer.retryAfterMs);
    if (this.#failures > 0) {
      const level = this.#failures >= this.#endpoint.threshold ? 'info' : 'debug';
      this.#parts.log[level]({ endpoint: name, failures: this.#failures }, 'events are delivered again');
      this.#failures = 0;
    }
    return 0;
  }

  #failed(error: unknown, retryAfterMs = 0): number {
    this.#failures += 1;
    const { name, threshold } = this.#endpoint;
    const wait = Math.ceil(
      Math.max(backOff(this.#failures, this.#endpoint, this.#parts.random), retryAfterMs),
    );
    const fields = { endpoint: name, error, failures: this.#failures, retryInMs: wait };
    // Said when it begins and when it lasts: there may be no end to it, or one soon after each beginning.
    const isQuiet = performance.now() - this.#saidAt < QUIET_MS;
    const isNews = this.#failures === threshold || (this.#failures === 1 && !isQuiet);
    if (isNews) this.#saidAt = performance.now();
    this.#parts.log[isNews ? 'warn' : 'debug'](fields, 'an event cannot be delivered, and waits');
    return wait;
  }

  async #woken(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const end = () => resolve();
    const timer = setTimeout(end, LOOK_EVERY_MS).unref();
    signal.addEventListener('abort', end, { once: true });
    this.#wake = end;
    await promise;
    clearTimeout(timer);
    signal.removeEventListener('abort', end);
    this.#wake = undefined;
  }
}
