import type { RepositoryName } from '../../oci/index.js';
import type { Comparison, SharedComparison } from '../metadata-index.js';
import type { Database } from './database.js';

export class ComparisonState implements SharedComparison {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async get(): Promise<Comparison> {
    const complete = this.#db.get('SELECT compared FROM history')?.compared === 1;
    const distrusted = this.#db.column('SELECT repository FROM distrusted') as RepositoryName[];
    return { complete, distrusted };
  }

  async begin(): Promise<void> {
    this.#db.transaction(() => {
      this.#db.run('UPDATE history SET compared = 0');
      this.#db.run('DELETE FROM distrusted');
    });
  }

  async end(generation: number): Promise<void> {
    this.#db.transaction(() => {
      // This very call may have found the file gone, and made an empty one.
      if (this.#db.replaced === generation) this.#db.run('UPDATE history SET compared = 1');
    });
  }

  async setTrusted(repository: RepositoryName, trusted: boolean): Promise<void> {
    if (trusted) this.#db.run('DELETE FROM distrusted WHERE repository = ?1', repository);
    else this.#db.run('INSERT OR IGNORE INTO distrusted (repository) VALUES (?1)', repository);
  }
}
