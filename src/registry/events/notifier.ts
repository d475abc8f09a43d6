import type { Logger } from '../logger.js';
import type { Deed } from './deed.js';
import type { DeliveryObserver } from './delivery-loop.js';
import { type Endpoint, wants } from './endpoint.js';
import { type EventSource, eventOf, mediaTypeOf, type RegistryEvent, type Request } from './event.js';
import type { AddressedEvent, EventQueue } from './event-queue.js';

export type NotifierOptions = Readonly<{
  queue: EventQueue;
  endpoints: readonly Endpoint[];
  source: EventSource;
  /** Whether events list what a manifest refers to. */
  references: boolean;
  log: Logger;
  observer: DeliveryObserver | undefined;
  /** Called once there is something new in the queue. */
  onQueued: (endpoints: ReadonlySet<string>) => void;
  now?: () => Date;
}>;

/** How long pulls are gathered: whoever pulls waits for no disk. */
const GATHER_MS = 100;
/** Written in one transaction, which holds up the process. */
const BATCH = 100;
/** While the queue cannot be written, so many wait in memory. */
const MAX_GATHERED = 10_000;
const RETRY_MS = 1000;

/** Asked only when somebody wants to know; there is none for what the registry did by itself. */
type RequestOf = () => Request;

type Gathered = AddressedEvent & Readonly<{ written?: () => void }>;

/** Turns what was done into events, and puts them into the queue in order. */
export class Notifier implements AsyncDisposable {
  readonly #options: NotifierOptions;
  readonly #limits: ReadonlyMap<string, number>;
  readonly #gathered: Gathered[] = [];
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  #problem: unknown;
  #lost = 0;

  constructor(options: NotifierOptions) {
    this.#options = options;
    this.#limits = new Map(options.endpoints.map(({ name, maxWaiting }) => [name, maxWaiting]));
  }

  /** Why events do not reach the queue, if so. */
  get problem(): unknown {
    return this.#problem;
  }

  /**
   * Resolves once the events are in the queue for good, or when that fails: they are kept in memory then, and tried again. What
   * was done is done, so the client is to hear of it in either case.
   */
  async tell(deeds: readonly Deed[], request: RequestOf | undefined): Promise<void> {
    const written: Promise<void>[] = [];
    for (const deed of deeds) {
      const { promise, resolve } = Promise.withResolvers<void>();
      if (this.#gather(deed, request, resolve)) written.push(promise);
    }
    if (written.length === 0 || this.#problem !== undefined) return;
    this.#write();
    await Promise.all(written);
  }

  /** The same, for what nobody waits for. */
  tellLater(deed: Deed, request: RequestOf | undefined): void {
    if (!this.#gather(deed, request) || this.#problem !== undefined) return;
    if (this.#gathered.length >= BATCH) this.#write();
    else this.#timer ??= setTimeout(() => this.#write(), GATHER_MS).unref();
  }

  /** Writes what is left, once. */
  async [Symbol.asyncDispose](): Promise<void> {
    while (this.#gathered.length > 0 && this.#problem === undefined) {
      this.#write();
      await this.#writing;
    }
    clearTimeout(this.#timer);
    await this.#writing;
    if (this.#gathered.length > 0)
      this.#options.log.error({ events: this.#gathered.length }, 'events that could not be queued are lost');
  }

  /** @returns whether anybody wants to know. */
  #gather(deed: Deed, request: RequestOf | undefined, written?: () => void): boolean {
    const { endpoints, source, references, now = () => new Date() } = this.#options;
    const names = endpoints
      .filter((each) => !each.disabled && wants(each, choiceOf(deed)))
      .map(({ name }) => name);
    if (names.length === 0) return false;
    const event = eventOf(deed, request?.(), { source, references, at: now() });
    this.#gathered.push({ event, endpoints: names, ...(written ? { written } : {}) });
    if (this.#gathered.length > MAX_GATHERED) {
      this.#gathered.shift()?.written?.();
      this.#lost += 1;
    }
    return true;
  }

  #write(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
    });
  }

  /** Never rejects. */
  async #writeAll(): Promise<void> {
    while (this.#gathered.length > 0) {
      const batch = this.#gathered.splice(0, BATCH);
      try {
        await this.#put(batch);
      } catch (error) {
        this.#gathered.unshift(...batch);
        this.#cannotPut(error);
        return;
      }
      for (const { written } of batch) written?.();
    }
  }

  async #put(batch: readonly Gathered[]): Promise<void> {
    const { queue, log, observer, onQueued } = this.#options;
    const dropped = await queue.put(batch, {
      durable: batch.some(({ written }) => written !== undefined),
      maxWaiting: (endpoint) => this.#limits.get(endpoint) ?? 0,
    });
    const counts = new Map<string, number>();
    for (const name of batch.flatMap(({ endpoints }) => endpoints))
      counts.set(name, (counts.get(name) ?? 0) + 1);
    for (const [endpoint, count] of counts) observer?.queued(endpoint, count);
    for (const [endpoint, events] of dropped)
      log.error(
        { endpoint, events, limit: this.#limits.get(endpoint) },
        'the queue of an endpoint is full: its oldest events are given up (berth.notifications.maxwaiting)',
      );
    if (this.#problem !== undefined) log.info({ lost: this.#lost }, 'events reach the queue again');
    this.#problem = undefined;
    this.#lost = 0;
    onQueued(new Set(counts.keys()));
  }

  #cannotPut(error: unknown): void {
    const { log } = this.#options;
    if (this.#problem === undefined)
      log.error({ error }, 'events cannot be queued: they are kept in memory and lost with the process');
    this.#problem = error;
    for (const { written } of this.#gathered) written?.();
    this.#timer ??= setTimeout(() => this.#write(), RETRY_MS).unref();
  }
}

/** What endpoints choose by, before the event is made. */
function choiceOf(deed: Deed): Pick<RegistryEvent, 'action' | 'mediaType' | 'repository' | 'tag'> {
  return {
    action: deed.action,
    repository: deed.repository,
    mediaType: mediaTypeOf(deed),
    tag: 'tag' in deed ? deed.tag : undefined,
  };
}
