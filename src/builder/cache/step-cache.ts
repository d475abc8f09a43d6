import type { Digest } from '../../oci/index.js';
import { type CacheDatabase, isKept } from './cache-database.js';

/** A layer that a step made, and when: as the history of images says it. */
export type CachedLayer = Readonly<{ diffID: Digest; size: number; created: string }>;

/** What the cache needs of the local store: its blobs are the layers. */
export interface BlobHolder {
  hasBlob(digest: Digest, size?: number): boolean;
  readonly holds: {
    add(owner: string, digests: readonly Digest[]): void;
    remove(owner: string, digests?: readonly Digest[]): void;
    of(owner: string): readonly Digest[];
  };
}

/** Notes of uses nearer than this to the last one are left out: each build that writes waits for the disk. */
const SAME_USE_MS = 60_000;

/** Who holds the layers of the cache in the local store. */
export const CACHE_OWNER = 'build-cache';

/** A result under one of its keys, as it can be told to other machines. */
export type StepRecord = CachedLayer & Readonly<{ key: string; description: string }>;

/** Results that lie elsewhere, and are fetched when a step asks for one. */
export interface ForeignCache {
  find(key: string): StepRecord | undefined;
  hasShape(shape: string): boolean;
  /** Brings the layer into the store, as a tar. @returns its bytes; `undefined` when it cannot be had: then do without. */
  fetch(record: StepRecord): Promise<number | undefined>;
}

type PutOptions = Readonly<{
  keys: readonly string[];
  latestKey?: string;
  shape?: string;
  description: string;
}>;

/** Results of steps by key. Each step is looked up by itself: a miss says nothing of the steps after it. */
export class StepCache {
  readonly #db: CacheDatabase;
  readonly #store: BlobHolder;
  readonly #foreign: ForeignCache[] = [];
  /** What this build found or made. */
  readonly #records = new Map<string, StepRecord>();
  readonly #shapes = new Set<string>();

  constructor(db: CacheDatabase, store: BlobHolder) {
    this.#db = db;
    this.#store = store;
  }

  /** Asked for what is not here, in the order in which they were added. */
  addForeign(cache: ForeignCache): void {
    this.#foreign.push(cache);
  }

  /** Everything that this build has found or made, for other machines. */
  used(): Readonly<{ records: readonly StepRecord[]; shapes: readonly string[] }> {
    return { records: [...this.#records.values()], shapes: [...this.#shapes].sort() };
  }

  /** A result that is whole, fetched from elsewhere if need be. Noted as used. */
  async find(key: string): Promise<CachedLayer | undefined> {
    const own = this.#findOwn(key);
    if (own !== undefined) return own;
    for (const cache of this.#foreign) {
      const record = cache.find(key);
      if (record === undefined) continue;
      const size = await cache.fetch(record);
      if (size === undefined) continue;
      const layer = { ...record, size }; // whatever the record says
      this.put(layer, { keys: [key], description: record.description });
      return layer;
    }
    return undefined;
  }

  /** What a step came to the last time, from whatever sources. */
  findLatest(latestKey: string): CachedLayer | undefined {
    return this.#findRecord(latestKey);
  }

  #findOwn(key: string): CachedLayer | undefined {
    const record = this.#findRecord(key);
    if (record !== undefined) this.#records.set(key, record);
    return record;
  }

  #findRecord(key: string): StepRecord | undefined {
    const row = this.#db.get('SELECT diff_id, size, created, description FROM steps WHERE key = ?1', key);
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
    this.#noteUse(key);
    return { ...layer, key, description: String(row.description) };
  }

  /** Uses that follow each other closely count as one: most builds that change nothing then write nothing. */
  #noteUse(key: string): void {
    const now = Date.now();
    const sql = 'UPDATE steps SET used_at = ?2, uses = uses + 1 WHERE key = ?1 AND used_at < ?3';
    this.#db.run(sql, key, now, now - SAME_USE_MS);
  }

  /** Whether there may be a result for sources that look like this from outside. */
  hasShape(shape: string): boolean {
    const isKnown =
      this.#db.get('SELECT 1 FROM shapes WHERE key = ?1', shape) !== undefined ||
      this.#foreign.some((cache) => cache.hasShape(shape));
    if (isKnown) this.#shapes.add(shape);
    return isKnown;
  }

  /** Keeps a layer that is in the store, under all keys that lead to it. @param options `latestKey`: see {@link findLatest}. */
  put(layer: CachedLayer, options: PutOptions): void {
    this.#store.holds.add(CACHE_OWNER, [layer.diffID]);
    const { diffID, size, created } = layer;
    for (const key of options.keys) {
      this.#records.set(key, { diffID, size, created, key, description: options.description });
    }
    if (options.shape !== undefined) this.#shapes.add(options.shape);
    const now = Date.now();
    const keys = [...options.keys, ...(options.latestKey === undefined ? [] : [options.latestKey])];
    const replaced = new Set(keys.flatMap((key) => this.#layerUnder('steps', key)));
    this.#db.transaction(() => {
      for (const key of keys) {
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
    this.#release(replaced);
  }

  findRewritten(key: string): Omit<CachedLayer, 'created'> | undefined {
    const row = this.#db.get('SELECT diff_id, size FROM rewritten WHERE key = ?1', key);
    const layer = row && { diffID: String(row.diff_id) as Digest, size: Number(row.size) };
    return layer && this.#store.hasBlob(layer.diffID, layer.size) ? layer : undefined;
  }

  putRewritten(key: string, { diffID, size }: Omit<CachedLayer, 'created'>): void {
    this.#store.holds.add(CACHE_OWNER, [diffID]);
    const replaced = this.#layerUnder('rewritten', key);
    this.#db.run('INSERT OR REPLACE INTO rewritten VALUES (?1, ?2, ?3, ?4)', key, diffID, size, Date.now());
    this.#release(new Set(replaced));
  }

  #layerUnder(table: 'steps' | 'rewritten', key: string): Digest[] {
    const row = this.#db.get(`SELECT diff_id FROM ${table} WHERE key = ?1`, key);
    return row === undefined ? [] : [String(row.diff_id) as Digest];
  }

  /** What was replaced, as by each build without cache, goes with the next sweep unless another key leads to it. */
  #release(replaced: ReadonlySet<Digest>): void {
    const lost = [...replaced].filter((diffID) => !isKept(this.#db, diffID));
    if (lost.length > 0) this.#store.holds.remove(CACHE_OWNER, lost);
  }

  /** Notes that a layer of a base image lies in the store as a tar too. */
  putBaseLayer(diffID: Digest, size: number): void {
    this.#store.holds.add(CACHE_OWNER, [diffID]);
    const now = Date.now();
    this.#db.run('INSERT OR REPLACE INTO base_layers VALUES (?1, ?2, ?3, ?3)', diffID, size, now);
  }
}
