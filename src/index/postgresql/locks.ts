import { type HeldLock, LocalLocks, type LockMode, type Locks, type WantedLock } from '../../locks/index.js';
import { type AdvisoryLock, AdvisoryLocks } from './advisory-locks.js';
import type { PostgresOptions } from './options.js';

/**
 * Locks between all servers of one registry, and within each of them: who must wait for others of this process waits here.
 * Each that shares a key asks for it by itself, though this process may have it already: another server that wants it alone
 * would else wait for ever new ones.
 */
export class PostgresLocks implements Locks, AsyncDisposable {
  readonly #local = new LocalLocks();
  readonly #advisory: AdvisoryLocks;

  constructor(options: PostgresOptions) {
    this.#advisory = new AdvisoryLocks(options);
  }

  /** @throws {IndexUnavailableError} the database is away. */
  async acquire(key: string, mode: LockMode, signal?: AbortSignal): Promise<HeldLock> {
    using mine = new DisposableStack();
    mine.use(await this.#local.acquire(key, mode, signal));
    return held(await this.#advisory.acquire(key, mode, signal), mine);
  }

  /** @throws {IndexUnavailableError} the database is away. */
  async acquireAll(wanted: readonly WantedLock[]): Promise<HeldLock> {
    using taken = new DisposableStack();
    const lost: AbortSignal[] = [];
    for (const { key, mode } of wanted) lost.push(taken.use(await this.acquire(key, mode)).lost);
    const all = taken.move();
    return { lost: AbortSignal.any(lost), [Symbol.dispose]: () => all.dispose() };
  }

  /** @throws {IndexUnavailableError} the database is away. */
  async tryAcquire(key: string, mode: LockMode): Promise<HeldLock | undefined> {
    using mine = new DisposableStack();
    const local = await this.#local.tryAcquire(key, mode);
    if (local === undefined) return undefined;
    mine.use(local);
    const lock = await this.#advisory.tryAcquire(key, mode);
    return lock && held(lock, mine);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#advisory.close();
  }
}

function held(lock: AdvisoryLock, local: DisposableStack): HeldLock {
  local.defer(() => lock.release()); // first of all: the database does things in the order in which it is told
  const both = local.move();
  return { lost: lock.lost, [Symbol.dispose]: () => both.dispose() };
}
