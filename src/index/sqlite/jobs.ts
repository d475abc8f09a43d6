import type { Job } from '../metadata-index.js';
import type { Database } from './database.js';

/** What commands ask the server for that has the files. MetadataIndex says what each promises. */
export class Jobs {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  add(task: string): number {
    return this.#db.run('INSERT INTO jobs (task) VALUES (?1)', task).rowid;
  }

  take(): { id: number; task: string } | undefined {
    // Asked all the time: reading takes no lock.
    if (this.#db.get('SELECT 1 FROM jobs WHERE taken = 0 LIMIT 1') === undefined) return undefined;
    const row = this.#db.get(
      `UPDATE jobs SET taken = 1 WHERE id = (SELECT min(id) FROM jobs WHERE taken = 0) RETURNING id, task`,
    );
    return row && { id: Number(row.id), task: String(row.task) };
  }

  finish(id: number, outcome: string): void {
    this.#db.run('UPDATE jobs SET outcome = ?2 WHERE id = ?1', id, outcome);
  }

  find(id: number): Job | undefined {
    const row = this.#db.get('SELECT taken, outcome FROM jobs WHERE id = ?1', id);
    return row && { taken: row.taken === 1, outcome: row.outcome === null ? undefined : String(row.outcome) };
  }

  drop(id: number): void {
    this.#db.run('DELETE FROM jobs WHERE id = ?1', id);
  }

  withdraw(id: number): boolean {
    return this.#db.get('DELETE FROM jobs WHERE id = ?1 AND taken = 0 RETURNING id', id) !== undefined;
  }

  dropAll(): void {
    this.#db.run('DELETE FROM jobs');
  }
}
