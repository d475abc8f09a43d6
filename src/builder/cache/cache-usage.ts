import type { Digest } from '../../oci/index.js';
import type { Row } from '../../sqlite/index.js';
import { type CacheDatabase, keptLayers } from './cache-database.js';
import { type BlobHolder, CACHE_OWNER } from './step-cache.js';

/** Something that the cache keeps. Times in milliseconds. */
export type CacheRecord = Readonly<{
  kind: 'layer' | 'base layer' | 'mount';
  /** A layer's digest, or the id of a mount. */
  id: string;
  sizeBytes: number;
  description: string;
  madeAt: number;
  usedAt: number;
  uses: number;
  /** An image needs it too, so that removing it here frees nothing. */
  isShared: boolean;
  /** Of a mount. */
  directory?: string;
}>;

export type PruneOptions = Readonly<{
  /** What images need too. */
  all: boolean;
  /** Only what was not used since, in milliseconds. */
  until?: number;
  /** The least recently used, until what is left takes no more. */
  keepBytes?: number;
}>;

type Sizes = Readonly<{
  isShared: (digest: Digest) => boolean;
  /** Of a mount's directory. */
  sizeOf: (directory: string) => number;
}>;

const MAX_TIME = Number.MAX_SAFE_INTEGER;

/** What the cache holds, and how to get rid of it. */
export class CacheUsage {
  readonly #db: CacheDatabase;
  readonly #store: BlobHolder;
  readonly #sizes: Sizes;

  constructor(db: CacheDatabase, store: BlobHolder, sizes: Sizes) {
    this.#db = db;
    this.#store = store;
    this.#sizes = sizes;
  }

  /** The most recently used first. */
  records(): CacheRecord[] {
    const steps = this.#db.all(
      `SELECT diff_id, max(size) AS size, min(description) AS description, min(made_at) AS made_at,
         max(used_at) AS used_at, sum(uses) AS uses FROM steps GROUP BY diff_id`,
    );
    const bases = this.#db.all('SELECT diff_id, size, made_at, used_at FROM base_layers');
    const rewritten = this.#db.all(
      'SELECT diff_id, size, used_at AS made_at, used_at FROM rewritten GROUP BY diff_id',
    );
    const mounts = this.#db.all('SELECT * FROM mounts');
    const records = [
      ...steps.map((row) => this.#layerOf(row, 'layer', String(row.description))),
      ...rewritten.map((row) => this.#layerOf(row, 'layer', 'with other times')),
      ...bases.map((row) => this.#layerOf(row, 'base layer', 'unpacked layer of a base image')),
      ...mounts.map((row) => this.#mountOf(row)),
    ];
    return records.sort((a, b) => b.usedAt - a.usedAt || (a.id < b.id ? -1 : 1));
  }

  /** What {@link remove} would be given. */
  choose({ all, until, keepBytes }: PruneOptions): CacheRecord[] {
    const records = this.records();
    let left = records.reduce((sum, { sizeBytes, isShared }) => sum + (isShared ? 0 : sizeBytes), 0);
    const chosen: CacheRecord[] = [];
    for (const record of records.reverse()) {
      if (record.isShared && !all) continue;
      if (until !== undefined && record.usedAt >= until) continue;
      if (keepBytes !== undefined && left <= keepBytes) break;
      left -= record.isShared ? 0 : record.sizeBytes;
      chosen.push(record);
    }
    return chosen;
  }

  /**
   * Forgets records. Their blobs go with the next sweep of the store, directories of mounts are the caller's. So does what is
   * held and no record tells of: of a build that was killed just then, and of a file of the cache that was replaced.
   */
  remove(records: readonly CacheRecord[]): void {
    this.#db.transaction(() => {
      for (const { kind, id } of records) this.#forget(kind, id);
      // Noted with the step that they belong to, so what is older than all steps belongs to none.
      this.#db.run(
        'DELETE FROM shapes WHERE used_at < ifnull((SELECT min(made_at) FROM steps), ?1)',
        MAX_TIME,
      );
    });
    const held = this.#store.holds.of(CACHE_OWNER); // first: a build that goes on holds a layer before it notes it
    const kept = keptLayers(this.#db);
    this.#store.holds.remove(
      CACHE_OWNER,
      held.filter((diffID) => !kept.has(diffID)),
    );
  }

  #forget(kind: CacheRecord['kind'], id: string): void {
    if (kind === 'mount') {
      this.#db.run('DELETE FROM mounts WHERE id = ?1', id);
      return;
    }
    for (const table of ['steps', 'rewritten', 'base_layers']) {
      this.#db.run(`DELETE FROM ${table} WHERE diff_id = ?1`, id);
    }
  }

  #layerOf(row: Row, kind: 'layer' | 'base layer', description: string): CacheRecord {
    const id = String(row.diff_id);
    return {
      kind,
      id,
      sizeBytes: Number(row.size),
      description,
      madeAt: Number(row.made_at),
      usedAt: Number(row.used_at),
      uses: Number(row.uses ?? 0),
      isShared: this.#sizes.isShared(id as Digest),
    };
  }

  #mountOf(row: Row): CacheRecord {
    const directory = String(row.directory);
    return {
      kind: 'mount',
      id: String(row.id),
      sizeBytes: this.#sizes.sizeOf(directory),
      description: `cache mount ${row.id}`,
      madeAt: Number(row.made_at),
      usedAt: Number(row.used_at),
      uses: 0,
      isShared: false,
      directory,
    };
  }
}
