import type { Digest } from '../oci/index.js';
import type { StoreDatabase } from './store-database.js';

/** Content that somebody by name keeps, for longer than a process lives. */
export class Holds {
  readonly #db: StoreDatabase;

  constructor(db: StoreDatabase) {
    this.#db = db;
  }

  add(owner: string, digests: readonly Digest[]): void {
    this.#db.transaction(() => {
      for (const digest of digests)
        this.#db.run('INSERT OR IGNORE INTO holds VALUES (?1, ?2)', owner, digest);
    });
  }

  /** @param digests all that the owner holds, when it is left out. */
  remove(owner: string, digests?: readonly Digest[]): void {
    this.#db.transaction(() => {
      if (digests === undefined) this.#db.run('DELETE FROM holds WHERE owner = ?1', owner);
      for (const digest of digests ?? [])
        this.#db.run('DELETE FROM holds WHERE owner = ?1 AND digest = ?2', owner, digest);
    });
  }

  of(owner: string): Digest[] {
    return this.#db.column('SELECT digest FROM holds WHERE owner = ?1', owner) as Digest[];
  }
}
