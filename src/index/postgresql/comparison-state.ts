import type { RepositoryName } from '../../oci/index.js';
import type { Comparison } from '../metadata-index.js';
import type { Database } from './database.js';

/** What servers tell each other of comparing the index with the files. MetadataIndex says what each promises. */
export class ComparisonState {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async get(): Promise<Comparison> {
    const row = await this.#db.get(
      'SELECT compared, ARRAY(SELECT repository FROM distrusted) AS distrusted FROM history',
    );
    return { complete: row?.compared === true, distrusted: (row?.distrusted ?? []) as RepositoryName[] };
  }

  async begin(): Promise<void> {
    await this.#db.transaction(async (session) => {
      await session.run('UPDATE history SET compared = false');
      await session.run('DELETE FROM distrusted');
    });
  }

  async end(): Promise<void> {
    await this.#db.run('UPDATE history SET compared = true');
  }

  async setTrusted(repository: RepositoryName, trusted: boolean): Promise<void> {
    const sql = trusted
      ? 'DELETE FROM distrusted WHERE repository = $1'
      : 'INSERT INTO distrusted (repository) VALUES ($1) ON CONFLICT DO NOTHING';
    await this.#db.run(sql, repository);
  }
}
