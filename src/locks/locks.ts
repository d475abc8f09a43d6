/** `together` with others of the same kind, or `alone`. */
export type LockMode = 'together' | 'alone';

export type WantedLock = Readonly<{ key: string; mode: LockMode }>;

/** A lock that is held until it is disposed of. */
export type HeldLock = Disposable &
  Readonly<{
    /** Aborted when it is held no longer though nobody gave it back: whoever grants locks is gone. */
    lost: AbortSignal;
  }>;

/**
 * Keeps work on one thing apart, in all processes that serve a registry. Those who wait are served in turn: nobody starves.
 * Not to be taken twice by the same work.
 */
export interface Locks {
  /** @param signal gives up waiting. @throws its reason. */
  acquire(key: string, mode: LockMode, signal?: AbortSignal): Promise<HeldLock>;
  /**
   * Several, held as one: each once those before it are held. Whoever wants any of them by himself waits for none while he has one
   * that comes later.
   */
  acquireAll(wanted: readonly WantedLock[]): Promise<HeldLock>;
  /** @returns `undefined` when it would have to be waited for. */
  tryAcquire(key: string, mode: LockMode): Promise<HeldLock | undefined>;
}
