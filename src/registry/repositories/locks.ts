import { LocalLocks, type LockMode, type Locks, type WantedLock } from '../../locks/index.js';
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

  /**
   * Runs `push` together with other pushes, but not with one of the same tags or a delete. Bytes of `content` stay where they are
   * meanwhile, as with {@link forLink}.
   */
  forPush<T>(
    repository: RepositoryName,
    { tags = [], content }: Readonly<{ tags?: readonly Tag[]; content?: Digest }>,
    push: () => Promise<T>,
  ): Promise<T> {
    // All in this order: nobody waits for one who waits for him.
    const wanted: WantedLock[] = [
      { key: `repository ${repository}`, mode: 'together' },
      ...sorted(tags).map((tag) => ({ key: `tag ${repository}:${tag}`, mode: 'alone' }) as const),
      ...(content ? [{ key: `content ${content}`, mode: 'together' } as const] : []),
    ];
    return this.#with(wanted, push);
  }

  /** Runs `remove` alone. What it removes is to be removed only while the signal is not aborted. */
  forDelete<T>(repository: RepositoryName, remove: (lost: AbortSignal) => Promise<T>): Promise<T> {
    return this.#with([{ key: `repository ${repository}`, mode: 'alone' }], remove);
  }

  /** Bytes stay where they are while `link` makes something lead to them. */
  forLink<T>(canonical: Digest, link: () => Promise<T>): Promise<T> {
    return this.#with([{ key: `content ${canonical}`, mode: 'together' }], link);
  }

  /** Nothing begins to lead to any of these bytes while `remove` runs, unless the signal is aborted. */
  forRemoval<T>(canonicals: readonly Digest[], remove: (lost: AbortSignal) => Promise<T>): Promise<T> {
    const wanted = sorted(canonicals).map(
      (canonical) => ({ key: `content ${canonical}`, mode: 'alone' }) as const,
    );
    return this.#with(wanted, remove);
  }

  /** Counts what is there `alone`, or puts something there. To be taken before all others. */
  forQuota<T>(key: string, mode: LockMode, work: () => Promise<T>): Promise<T> {
    return this.#with([{ key: `quota ${key}`, mode }], work);
  }

  async #with<T>(wanted: readonly WantedLock[], work: (lost: AbortSignal) => Promise<T>): Promise<T> {
    using held = await this.#locks.acquireAll(wanted);
    const result = await work(held.lost);
    held.lost.throwIfAborted();
    return result;
  }
}

/** Each once, in an order that is the same for all. */
function sorted<T extends string>(names: readonly T[]): T[] {
  return [...new Set(names)].sort();
}
