import type { RepositoryName, Tag } from '../../oci/index.js';

/**
 * Keeps changes of one repository apart: pushes go on side by side except those of one tag, whose link and
 * index row must end up naming the same manifest; a delete waits for all of them and goes alone.
 */
export class RepositoryLocks {
  readonly #tails = new Map<string, Promise<void>>();
  readonly #pushes = new Map<RepositoryName, Set<Promise<unknown>>>();

  /** Runs `push` together with other pushes, but not with one of the same tags or a delete. */
  async forPush<T>(repository: RepositoryName, tags: readonly Tag[], push: () => Promise<T>): Promise<T> {
    // A delete stands in the repository's own queue. Nothing may come between seeing none and being counted.
    while (this.#tails.has(repository)) await this.#tails.get(repository);
    const keys = [...new Set(tags)].sort().map((tag) => `${repository}:${tag}`);
    const done = keys.reduceRight<() => Promise<T>>((next, key) => () => this.#inTurn(key, next), push)();
    return this.#counted(repository, done);
  }

  /** Runs `remove` alone. */
  forDelete<T>(repository: RepositoryName, remove: () => Promise<T>): Promise<T> {
    return this.#inTurn(repository, async () => {
      await Promise.allSettled(this.#pushes.get(repository) ?? []);
      return remove();
    });
  }

  async #counted<T>(repository: RepositoryName, push: Promise<T>): Promise<T> {
    const pushes = this.#pushes.get(repository) ?? new Set();
    this.#pushes.set(repository, pushes.add(push));
    try {
      return await push;
    } finally {
      pushes.delete(push);
      if (pushes.size === 0) this.#pushes.delete(repository);
    }
  }

  async #inTurn<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key) ?? Promise.resolve();
    const done = before.then(work);
    const tail = done.then(
      () => {},
      () => {},
    );
    this.#tails.set(key, tail);
    try {
      return await done;
    } finally {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    }
  }
}
