import type { RegistryEvent } from './event.js';

/** An event with the names of the endpoints that it is for. */
export type AddressedEvent = Readonly<{ event: RegistryEvent; endpoints: readonly string[] }>;

/** An event that waits for an endpoint. */
export type Delivery = Readonly<{ id: number; body: string }>;

/** An event that is kept; `seq` counts up with time. */
export type KeptEvent = Omit<RegistryEvent, 'body'> &
  Readonly<{
    seq: number;
    /** When it was delivered to each endpoint that it was for; `undefined`: it waits. */
    deliveries: readonly Readonly<{ endpoint: string; deliveredAt: Date | undefined }>[];
  }>;

/** What is kept once it was delivered: nothing older than that, and no more than so many events. */
export type Keep = Readonly<{ since: Date; most: number }>;

/**
 * Events on their way, in order for each endpoint. Several processes may put events into it; one delivers. Every call may fail
 * with what its store throws: what it was to do may then have been done, and may be done once more.
 */
export interface EventQueue extends AsyncDisposable {
  /**
   * All of them, or none.
   * @param options `durable`: they survive a power cut once this resolves; otherwise the end of the process only.
   *   `maxWaiting` bounds what waits for each endpoint.
   * @returns how many of the oldest had to be given up, by endpoint: those for which that is none are not there.
   */
  put(
    events: readonly AddressedEvent[],
    options: { durable: boolean; maxWaiting: (endpoint: string) => number },
  ): Promise<ReadonlyMap<string, number>>;

  /** What waits for an endpoint longest. */
  next(endpoint: string, limit: number): Promise<Delivery[]>;

  /** They do not wait any more. Says nothing of what was given up meanwhile. */
  delivered(ids: readonly number[], at: Date): Promise<void>;

  /** How many wait, by endpoint. */
  waiting(): Promise<ReadonlyMap<string, number>>;

  /** What is kept, oldest first, with `seq` above `after`. */
  list(page: { since?: Date | undefined; after?: number; limit: number }): Promise<KeptEvent[]>;

  /**
   * Has kept events delivered again, behind all that wait; those that wait already are not sent twice.
   * @returns how many.
   */
  again(endpoint: string, seqs: readonly number[]): Promise<number>;

  /** Gives up what waits for other endpoints than these. @returns how many for each. */
  retain(endpoints: readonly string[]): Promise<ReadonlyMap<string, number>>;

  /** Forgets what was delivered and need not be kept; some of it, so that nobody waits long. @returns whether there may be more. */
  prune(keep: Keep): Promise<boolean>;

  close(): Promise<void>;
}
