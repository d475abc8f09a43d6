import { LocalLocks, type Locks } from '../../locks/index.js';
import type { Digest, RepositoryName, Tag } from '../../oci/index.js';

/**
 * Keeps changes of one repository apart: pushes go on side by side except those of one tag, whose link and
 * index row must end up naming the same manifest; a delete waits for all of them and goes alone.
 */
export class RepositoryLocks {
  readonly #locks: Locks;

  /** @param locks between all processes that change the registry; without them there is only this one. */
  constructor(locks: Locks = new LocalLocks()) {
    this.#locks = locks;
  }

  /** Runs `push` together with other pushes, but not with one of the same tags or a delete. */
  async forPush<T>(repository: RepositoryName, tags: readonly Tag[], push: () => Promise<T>): Promise<T> {
    using _repository = await this.#locks.acquire(`repository ${repository}`, 'together');
    const names = [...new Set(tags)].sort(); // all in this order: nobody waits for one who waits for him
    using held = new DisposableStack();
    for (const tag of names) held.use(await this.#locks.acquire(`tag ${repository}:${tag}`, 'alone'));
    return await push();
  }

  /** Runs `remove` alone. */
  async forDelete<T>(repository: RepositoryName, remove: () => Promise<T>): Promise<T> {
    using _repository = await this.#locks.acquire(`repository ${repository}`, 'alone');
    return await remove();
  }

  /** Bytes stay where they are while `link` makes something lead to them. */
  async forLink<T>(canonical: Digest, link: () => Promise<T>): Promise<T> {
    using _content = await this.#locks.acquire(`content ${canonical}`, 'together');
    return await link();
  }

  /** Nothing begins to lead to these bytes while `remove` runs. */
  async forRemoval<T>(canonical: Digest, remove: () => Promise<T>): Promise<T> {
    using _content = await this.#locks.acquire(`content ${canonical}`, 'alone');
    return await remove();
  }
}
