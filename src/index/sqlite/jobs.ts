import type { Job, JobQueue } from '../metadata-index.js';
import type { Database } from './database.js';

export class Jobs implements JobQueue {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async add(task: string): Promise<number> {
    return this.#db.run('INSERT INTO jobs (task) VALUES (?1)', task).rowid;
  }

  async take(): Promise<{ id: number; task: string } | undefined> {
    // Asked all the time: reading takes no lock.
    if (this.#db.get('SELECT 1 FROM jobs WHERE taken = 0 LIMIT 1') === undefined) return undefined;
    const row = this.#db.get(
      `UPDATE jobs SET taken = 1 WHERE id = (SELECT min(id) FROM jobs WHERE taken = 0) RETURNING id, task`,
    );
    return row && { id: Number(row.id), task: String(row.task) };
  }

  async finish(id: number, outcome: string): Promise<void> {
    this.#db.run('UPDATE jobs SET outcome = ?2 WHERE id = ?1', id, outcome);
  }

  async find(id: number): Promise<Job | undefined> {
    const row = this.#db.get('SELECT taken, outcome FROM jobs WHERE id = ?1', id);
    return row && { taken: row.taken === 1, outcome: row.outcome === null ? undefined : String(row.outcome) };
  }

  async drop(id: number): Promise<void> {
    this.#db.run('DELETE FROM jobs WHERE id = ?1', id);
  }

  async withdraw(id: number): Promise<boolean> {
    return this.#db.get('DELETE FROM jobs WHERE id = ?1 AND taken = 0 RETURNING id', id) !== undefined;
  }

  async dropAll(): Promise<void> {
    this.#db.run('DELETE FROM jobs');
  }
}
