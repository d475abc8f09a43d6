import type { Digest } from '../../oci/index.js';
import type { CacheDatabase } from './cache-database.js';

/** A layer that a step made, and when: as the history of images says it. */
export type CachedLayer = Readonly<{ diffID: Digest; size: number; created: string }>;

/** What the cache needs of the local store: its blobs are the layers. */
export interface BlobHolder {
  hasBlob(digest: Digest, size?: number): boolean;
  hold(owner: string, digests: readonly Digest[]): void;
  release(owner: string, digests?: readonly Digest[]): void;
}

/** Who holds the layers of the cache in the local store. */
export const CACHE_OWNER = 'build-cache';

/** Results of steps by key. Each step is looked up by itself: a miss says nothing of the steps after it. */
export class StepCache {
  readonly #db: CacheDatabase;
  readonly #store: BlobHolder;

  constructor(db: CacheDatabase, store: BlobHolder) {
    this.#db = db;
    this.#store = store;
  }

  /** A result that is whole. Noted as used. */
  find(key: string): CachedLayer | undefined {
    const row = this.#db.get('SELECT diff_id, size, created FROM steps WHERE key = ?1', key);
    if (row === undefined) return undefined;
    const layer = {
      diffID: String(row.diff_id) as Digest,
      size: Number(row.size),
      created: String(row.created),
    };
    if (!this.#store.hasBlob(layer.diffID, layer.size)) {
      this.#db.run('DELETE FROM steps WHERE key = ?1', key);
      return undefined;
    }
    this.#db.run('UPDATE steps SET used_at = ?2, uses = uses + 1 WHERE key = ?1', key, Date.now());
    return layer;
  }

  /** Whether there may be a result for sources that look like this from outside. */
  hasShape(shape: string): boolean {
    return this.#db.get('SELECT 1 FROM shapes WHERE key = ?1', shape) !== undefined;
  }

  /** Keeps a layer that is in the store, under all keys that lead to it. */
  put(layer: CachedLayer, options: { keys: readonly string[]; shape?: string; description: string }): void {
    this.#store.hold(CACHE_OWNER, [layer.diffID]);
    const now = Date.now();
    this.#db.transaction(() => {
      for (const key of options.keys) {
        this.#db.run(
          'INSERT OR REPLACE INTO steps (key, diff_id, size, created, description, made_at, used_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)',
          key,
          layer.diffID,
          layer.size,
          layer.created,
          options.description,
          now,
        );
      }
      if (options.shape !== undefined)
        this.#db.run('INSERT OR REPLACE INTO shapes VALUES (?1, ?2)', options.shape, now);
    });
  }

  findRewritten(key: string): Omit<CachedLayer, 'created'> | undefined {
    const row = this.#db.get('SELECT diff_id, size FROM rewritten WHERE key = ?1', key);
    const layer = row && { diffID: String(row.diff_id) as Digest, size: Number(row.size) };
    return layer && this.#store.hasBlob(layer.diffID, layer.size) ? layer : undefined;
  }

  putRewritten(key: string, { diffID, size }: Omit<CachedLayer, 'created'>): void {
    this.#store.hold(CACHE_OWNER, [diffID]);
    this.#db.run('INSERT OR REPLACE INTO rewritten VALUES (?1, ?2, ?3, ?4)', key, diffID, size, Date.now());
  }

  /** Notes that a layer of a base image lies in the store as a tar too. */
  putBaseLayer(diffID: Digest, size: number): void {
    this.#store.hold(CACHE_OWNER, [diffID]);
    const now = Date.now();
    this.#db.run('INSERT OR REPLACE INTO base_layers VALUES (?1, ?2, ?3, ?3)', diffID, size, now);
  }
}
