import type { RepositoryName } from '../../oci/index.js';
import type { Comparison, SharedComparison } from '../metadata-index.js';
import { type Database, TIMELINE } from './database.js';

export class ComparisonState implements SharedComparison {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async get(): Promise<Comparison> {
    const row = await this.#db.get(
      `SELECT compared_on = ${TIMELINE} AS complete, ARRAY(SELECT repository FROM distrusted) AS distrusted FROM history`,
    );
    return { complete: row?.complete === true, distrusted: (row?.distrusted ?? []) as RepositoryName[] };
  }

  async begin(): Promise<void> {
    await this.#db.transaction(async (session) => {
      await session.run('UPDATE history SET compared_on = NULL');
      await session.run('DELETE FROM distrusted');
    });
  }

  async end(generation: number): Promise<void> {
    // Of the timeline that was last seen: if another one has begun since, all must be compared again.
    const timeline = this.#db.timeline ?? null;
    await this.#db.transaction(async (session) => {
      if (this.#db.replaced === generation)
        await session.run('UPDATE history SET compared_on = $1', timeline);
    });
  }

  async setTrusted(repository: RepositoryName, trusted: boolean): Promise<void> {
    const sql = trusted
      ? 'DELETE FROM distrusted WHERE repository = $1'
      : 'INSERT INTO distrusted (repository) VALUES ($1) ON CONFLICT DO NOTHING';
    await this.#db.run(sql, repository);
  }
}
