import { type HeldLock, LocalLocks, type LockMode, type Locks } from '../../locks/index.js';
import type { Digest, RepositoryName, Tag } from '../../oci/index.js';

/**
 * Keeps changes of one repository apart: pushes go on side by side except those of one tag, whose link and
 * index row must end up naming the same manifest; a delete waits for all of them and goes alone. What was done when its lock
 * turns out to be lost is not promised to anybody: it fails with the reason.
 */
export class RepositoryLocks {
  readonly #locks: Locks;
  /** Whether other processes change the registry, too. */
  readonly shared: boolean;

  /** @param locks between all processes that change the registry; without them there is only this one. */
  constructor(locks?: Locks) {
    this.#locks = locks ?? new LocalLocks();
    this.shared = locks !== undefined;
  }

  /** Runs `push` together with other pushes, but not with one of the same tags or a delete. */
  async forPush<T>(repository: RepositoryName, tags: readonly Tag[], push: () => Promise<T>): Promise<T> {
    using held = new DisposableStack();
    const locks = [held.use(await this.#locks.acquire(`repository ${repository}`, 'together'))];
    // All in this order: nobody waits for one who waits for him.
    for (const tag of [...new Set(tags)].sort())
      locks.push(held.use(await this.#locks.acquire(`tag ${repository}:${tag}`, 'alone')));
    const result = await push();
    for (const { lost } of locks) lost.throwIfAborted();
    return result;
  }

  /** Runs `remove` alone. What it removes is to be removed only while the signal is not aborted. */
  forDelete<T>(repository: RepositoryName, remove: (lost: AbortSignal) => Promise<T>): Promise<T> {
    return this.#with(`repository ${repository}`, 'alone', remove);
  }

  /** Bytes stay where they are while `link` makes something lead to them. */
  forLink<T>(canonical: Digest, link: () => Promise<T>): Promise<T> {
    return this.#with(`content ${canonical}`, 'together', link);
  }

  /** Nothing begins to lead to any of these bytes while `remove` runs, unless the signal is aborted. */
  async forRemoval<T>(canonicals: readonly Digest[], remove: (lost: AbortSignal) => Promise<T>): Promise<T> {
    using held = new DisposableStack();
    const locks: HeldLock[] = [];
    for (const canonical of [...new Set(canonicals)].sort()) // as above
      locks.push(held.use(await this.#locks.acquire(`content ${canonical}`, 'alone')));
    const lost = AbortSignal.any(locks.map((lock) => lock.lost));
    const result = await remove(lost);
    lost.throwIfAborted();
    return result;
  }

  /** Counts what is there `alone`, or puts something there. To be taken before all others. */
  forQuota<T>(key: string, mode: LockMode, work: () => Promise<T>): Promise<T> {
    return this.#with(`quota ${key}`, mode, work);
  }

  async #with<T>(key: string, mode: LockMode, work: (lost: AbortSignal) => Promise<T>): Promise<T> {
    using held = await this.#locks.acquire(key, mode);
    const result = await work(held.lost);
    held.lost.throwIfAborted();
    return result;
  }
}
