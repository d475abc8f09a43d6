import type { Digest, RepositoryName, Tag } from '../../oci/index.js';
import type { ManifestKey, PendingDelete } from '../metadata-index.js';
import type { Database } from './database.js';

/** Deletes that were begun: after a crash the next start finishes them. */
export class DeleteJournal {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async begin(repository: RepositoryName, key: ManifestKey, begunAt: Date): Promise<PendingDelete> {
    const { tag = null, digest = null } = 'tag' in key ? { tag: key.tag } : { digest: key.digest };
    const row = await this.#db.once(
      'INSERT INTO pending_deletes (repository, tag, digest, begun_at) VALUES ($1, $2, $3, $4) RETURNING id',
      repository,
      tag,
      digest,
      begunAt.getTime(),
    );
    return { id: Number(row?.id), repository, key, begunAt };
  }

  async end({ id }: PendingDelete): Promise<void> {
    await this.#db.run('DELETE FROM pending_deletes WHERE id = $1', id);
  }

  async pending(): Promise<PendingDelete[]> {
    const rows = await this.#db.all('SELECT * FROM pending_deletes ORDER BY id');
    return rows.map((row) => ({
      id: Number(row.id),
      repository: row.repository as RepositoryName,
      key: row.tag === null ? { digest: row.digest as Digest } : { tag: row.tag as Tag },
      begunAt: new Date(Number(row.begun_at)),
    }));
  }
}
