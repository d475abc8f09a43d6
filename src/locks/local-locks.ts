import { LockTable } from './lock-table.js';
import type { HeldLock, LockMode, Locks, WantedLock } from './locks.js';

const NEVER = new AbortController().signal;

/** For a registry that one process serves. */
export class LocalLocks implements Locks {
  readonly #table = new LockTable();

  async acquire(key: string, mode: LockMode, signal?: AbortSignal): Promise<HeldLock> {
    return heldUntil(await this.#table.take(key, mode, signal));
  }

  async acquireAll(wanted: readonly WantedLock[]): Promise<HeldLock> {
    return heldUntil(await this.#table.takeAll(wanted));
  }

  async tryAcquire(key: string, mode: LockMode): Promise<HeldLock | undefined> {
    const giveBack = this.#table.tryTake(key, mode);
    return giveBack && heldUntil(giveBack);
  }
}

function heldUntil(giveBack: () => void): HeldLock {
  return { lost: NEVER, [Symbol.dispose]: giveBack };
}
