import type { LockReply, LockRequest } from './lock-messages.js';
import type { HeldLock, LockMode, Locks, WantedLock } from './locks.js';

export type LockChannel = Readonly<{
  send: (request: LockRequest) => void;
  listen: (listener: (reply: LockReply) => void) => void;
  /** Aborted when nobody is at the other end any more. */
  lost: AbortSignal;
}>;

/** Locks that another process grants: see LockServer. */
export class RemoteLocks implements Locks {
  readonly #channel: LockChannel;
  readonly #asked = new Map<number, (granted: boolean) => void>();
  #nextId = 0;

  constructor(channel: LockChannel) {
    this.#channel = channel;
    channel.listen(({ id, lock }) => {
      this.#asked.get(id)?.(lock === 'granted');
      this.#asked.delete(id);
    });
  }

  async acquire(key: string, mode: LockMode, signal?: AbortSignal): Promise<HeldLock> {
    signal?.throwIfAborted();
    const { id, answered } = this.#take([{ key, mode }]);
    if (signal === undefined) await answered;
    else await this.#unlessGivenUp(id, answered, signal);
    return this.#held(id);
  }

  /** One message there and one back, however many. */
  async acquireAll(wanted: readonly WantedLock[]): Promise<HeldLock> {
    const { id, answered } = this.#take(wanted);
    await answered;
    return this.#held(id);
  }

  async tryAcquire(key: string, mode: LockMode): Promise<HeldLock | undefined> {
    const id = this.#newId();
    const answered = this.#answerTo(id);
    this.#channel.send({ lock: 'try', id, key, mode });
    return (await answered) ? this.#held(id) : undefined;
  }

  #take(wanted: readonly WantedLock[]): Readonly<{ id: number; answered: Promise<boolean> }> {
    const id = this.#newId();
    const answered = this.#answerTo(id);
    this.#channel.send({ lock: 'take', id, wanted });
    return { id, answered };
  }

  #newId(): number {
    this.#nextId += 1;
    return this.#nextId;
  }

  #answerTo(id: number): Promise<boolean> {
    return new Promise((resolve) => this.#asked.set(id, resolve));
  }

  async #unlessGivenUp(id: number, answered: Promise<boolean>, signal: AbortSignal): Promise<void> {
    const { promise: givenUp, reject } = Promise.withResolvers<never>();
    const giveUp = () => {
      this.#asked.delete(id);
      this.#channel.send({ lock: 'release', id });
      reject(signal.reason);
    };
    signal.addEventListener('abort', giveUp, { once: true });
    try {
      await Promise.race([answered, givenUp]);
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
  }

  #held(id: number): HeldLock {
    return {
      lost: this.#channel.lost,
      [Symbol.dispose]: () => this.#channel.send({ lock: 'release', id }),
    };
  }
}
