import { ContentNotFoundError, type OciLayout } from '../content/index.js';
import type { Digest } from '../oci/index.js';
import type { StoreDatabase } from './store-database.js';

/** Content that an owner, by name, keeps with what it leads to, for longer than a process lives. */
export class Holds {
  readonly #db: StoreDatabase;

  readonly #layout: Pick<OciLayout, 'sizeOf'>;

  constructor(db: StoreDatabase, layout: Pick<OciLayout, 'sizeOf'>) {
    this.#db = db;
    this.#layout = layout;
  }

  /** @throws {ContentNotFoundError} some of it is not stored: then none is held. */
  add(owner: string, digests: readonly Digest[]): void {
    this.#db.transaction(() => {
      const missing = digests.find((digest) => this.#layout.sizeOf(digest) === undefined);
      if (missing !== undefined) throw new ContentNotFoundError(missing);
      for (const digest of digests)
        this.#db.run('INSERT OR IGNORE INTO holds VALUES (?1, ?2)', owner, digest);
    });
  }

  /** The next sweep may remove what nothing else keeps. @param digests all that the owner holds, when it is left out. */
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
