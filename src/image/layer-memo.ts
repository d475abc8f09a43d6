import type { Digest } from '../oci/index.js';
import type { StoreDatabase } from './store-database.js';

/** A layer's tar when uncompressed; `size` in bytes. */
export type LayerFacts = Readonly<{ diffID: Digest; size: number }>;
export type CompressedBlob = Readonly<{ digest: Digest; size: number }>;

/** What was found out about layers at some cost: only ever true, so it may be forgotten at any time. */
export class LayerMemo {
  readonly #db: StoreDatabase;

  constructor(db: StoreDatabase) {
    this.#db = db;
  }

  /** What the stored layer is when uncompressed, if anybody has looked. */
  facts(digest: Digest): LayerFacts | undefined {
    const row = this.#db.get('SELECT diff_id, size FROM layers WHERE digest = ?1', digest);
    return row && { diffID: String(row.diff_id) as Digest, size: Number(row.size) };
  }

  setFacts(digest: Digest, { diffID, size }: LayerFacts): void {
    this.#db.run('INSERT OR REPLACE INTO layers VALUES (?1, ?2, ?3)', digest, diffID, size);
  }

  /** @param recipe how it is compressed: `gzip`, `zstd-3`. */
  compressed(diffID: Digest, recipe: string): CompressedBlob | undefined {
    const sql = 'SELECT digest, size FROM compressions WHERE diff_id = ?1 AND recipe = ?2';
    const row = this.#db.get(sql, diffID, recipe);
    return row && { digest: String(row.digest) as Digest, size: Number(row.size) };
  }

  setCompressed(diffID: Digest, recipe: string, { digest, size }: CompressedBlob): void {
    const sql = 'INSERT OR REPLACE INTO compressions VALUES (?1, ?2, ?3, ?4)';
    this.#db.run(sql, diffID, recipe, digest, size);
  }

  /** Compressed forms of a layer, by any recipe. */
  compressedForms(diffID: Digest): Digest[] {
    return this.#db.column('SELECT digest FROM compressions WHERE diff_id = ?1', diffID) as Digest[];
  }

  /** Repositories that are known to have the blob: `reg.example/app`. */
  sources(digest: Digest): string[] {
    return this.#db.column('SELECT repository FROM sources WHERE digest = ?1 ORDER BY 1', digest);
  }

  addSource(digest: Digest, repository: string): void {
    this.#db.run('INSERT OR IGNORE INTO sources VALUES (?1, ?2)', digest, repository);
  }

  forget(digest: Digest): void {
    for (const table of ['layers', 'compressions', 'sources']) {
      this.#db.run(`DELETE FROM ${table} WHERE digest = ?1`, digest);
    }
  }
}
