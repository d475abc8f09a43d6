import type { Digest, RepositoryName, Tag } from '../../oci/index.js';

/** Work on a key goes one after the other. */
class Turns {
  readonly #tails = new Map<string, Promise<void>>();

  /** Resolves when nobody has a turn at the key; `undefined` when that is so already. */
  current(key: string): Promise<void> | undefined {
    return this.#tails.get(key);
  }

  async take<T>(key: string, work: () => Promise<T>): Promise<T> {
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

/** Work on a key goes side by side, or alone. */
class SharedLocks<Key extends string> {
  readonly #alone = new Turns();
  readonly #together = new Map<Key, Set<Promise<unknown>>>();

  async together<T>(key: Key, work: () => Promise<T>): Promise<T> {
    // Nothing may come between seeing that nobody is alone and being counted.
    while (this.#alone.current(key)) await this.#alone.current(key);
    const others = this.#together.get(key) ?? new Set();
    const done = work();
    this.#together.set(key, others.add(done));
    try {
      return await done;
    } finally {
      others.delete(done);
      if (others.size === 0) this.#together.delete(key);
    }
  }

  /** Waits for all that goes side by side; what comes later waits for this. */
  alone<T>(key: Key, work: () => Promise<T>): Promise<T> {
    return this.#alone.take(key, async () => {
      await Promise.allSettled(this.#together.get(key) ?? []);
      return work();
    });
  }
}

/**
 * Keeps changes of one repository apart: pushes go on side by side except those of one tag, whose link and
 * index row must end up naming the same manifest; a delete waits for all of them and goes alone.
 */
export class RepositoryLocks {
  readonly #repositories = new SharedLocks<RepositoryName>();
  readonly #tags = new Turns();
  readonly #contents = new SharedLocks<Digest>();

  /** Runs `push` together with other pushes, but not with one of the same tags or a delete. */
  forPush<T>(repository: RepositoryName, tags: readonly Tag[], push: () => Promise<T>): Promise<T> {
    const keys = [...new Set(tags)].sort().map((tag) => `${repository}:${tag}`);
    const inTurns = keys.reduceRight<() => Promise<T>>((next, key) => () => this.#tags.take(key, next), push);
    return this.#repositories.together(repository, inTurns);
  }

  /** Runs `remove` alone. */
  forDelete<T>(repository: RepositoryName, remove: () => Promise<T>): Promise<T> {
    return this.#repositories.alone(repository, remove);
  }

  /** Bytes stay where they are while `link` makes something lead to them. */
  forLink<T>(canonical: Digest, link: () => Promise<T>): Promise<T> {
    return this.#contents.together(canonical, link);
  }

  /** Nothing begins to lead to these bytes while `remove` runs. */
  forRemoval<T>(canonical: Digest, remove: () => Promise<T>): Promise<T> {
    return this.#contents.alone(canonical, remove);
  }
}
