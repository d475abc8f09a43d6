import type { RepositoryName, Tag } from '../../oci/index.js';
import type { ManifestKey, PendingDelete } from '../metadata-index.js';
import type { Database } from './database.js';
import { packed, unpacked } from './packed-digest.js';

/** Deletes that were begun: after a crash the next start finishes them. */
export class DeleteJournal {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  begin(repository: RepositoryName, key: ManifestKey, begunAt: Date): PendingDelete {
    const { tag = null, digest = null } = 'tag' in key ? { tag: key.tag } : { digest: packed(key.digest) };
    const { rowid } = this.#db.run(
      'INSERT INTO pending_deletes (repository, tag, digest, begun_at) VALUES (?1, ?2, ?3, ?4)',
      repository,
      tag,
      digest,
      begunAt.getTime(),
    );
    return { id: rowid, repository, key, begunAt };
  }

  end({ id }: PendingDelete): void {
    this.#db.run('DELETE FROM pending_deletes WHERE id = ?1', id);
  }

  pending(): PendingDelete[] {
    return this.#db.all('SELECT * FROM pending_deletes ORDER BY id').map((row) => ({
      id: Number(row.id),
      repository: row.repository as RepositoryName,
      key: row.tag === null ? { digest: unpacked(row.digest) } : { tag: row.tag as Tag },
      begunAt: new Date(Number(row.begun_at)),
    }));
  }
}
