import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { flock, tryFlock } from '../../linux/index.js';
import type { CacheDatabase } from './cache-database.js';
import { keyOf } from './key.js';

type Sharing = 'shared' | 'private' | 'locked';
/** A directory of RUN --mount=type=cache in use. Disposing gives it back. */
export type MountDirectory = Disposable & Readonly<{ path: string }>;

const MAX_PRIVATE = 100;

/** Directories that outlive builds. What is in them is never part of a result or a key. */
export class MountDirectories {
  readonly #db: CacheDatabase;
  readonly #root: string;
  readonly #isOff: boolean;

  constructor(db: CacheDatabase, root: string, options: { fresh?: boolean } = {}) {
    this.#db = db;
    this.#root = root;
    this.#isOff = options.fresh === true;
  }

  /** The directory itself may not be there yet: who mounts it makes it, with the owner that was asked for. */
  async acquire(
    id: string,
    sharing: Sharing,
    options: { signal?: AbortSignal } = {},
  ): Promise<MountDirectory> {
    mkdirSync(this.#root, { recursive: true, mode: 0o711 });
    if (sharing === 'private') return this.#acquirePrivate(id);
    const name = keyOf('mount', id);
    const lock = this.#openLock(name);
    try {
      await flock(lock, sharing === 'locked' ? 'exclusive' : 'shared', { wait: true, ...options });
    } catch (error) {
      closeSync(lock);
      throw error;
    }
    return this.#take(id, name, lock);
  }

  /** Directories by name, of which nobody uses any until they are given back; those that somebody uses are left out. */
  takeUnused(names: readonly string[]): Disposable & Readonly<{ names: readonly string[] }> {
    const taken = new Map<string, number>();
    for (const name of names) {
      const lock = this.#openLock(name);
      if (tryFlock(lock, 'exclusive')) taken.set(name, lock);
      else closeSync(lock);
    }
    return {
      names: [...taken.keys()],
      [Symbol.dispose]: () => {
        for (const lock of taken.values()) closeSync(lock);
      },
    };
  }

  /** The first that nobody uses, of as many as were ever used at once. */
  #acquirePrivate(id: string): MountDirectory {
    for (let i = 0; i < MAX_PRIVATE; i += 1) {
      const name = i === 0 ? keyOf('mount', id) : keyOf('mount', id, i);
      const lock = this.#openLock(name);
      if (tryFlock(lock, 'exclusive')) return this.#take(i === 0 ? id : `${id} (${i + 1})`, name, lock);
      closeSync(lock);
    }
    throw new Error(`${MAX_PRIVATE} builds use the cache mount ${id} at once`);
  }

  #openLock(name: string): number {
    return openSync(join(this.#root, `${name}.lock`), 'a', 0o600);
  }

  #take(id: string, name: string, lock: number): MountDirectory {
    const path = join(this.#root, name);
    const now = Date.now();
    if (!this.#isOff) {
      this.#db.run(
        'INSERT INTO mounts VALUES (?1, ?2, ?3, ?3) ON CONFLICT (id) DO UPDATE SET used_at = ?3',
        id,
        name,
        now,
      );
    }
    return { path, [Symbol.dispose]: () => closeSync(lock) };
  }
}
