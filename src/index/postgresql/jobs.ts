import type { Job, JobQueue } from '../metadata-index.js';
import type { Database } from './database.js';

export class Jobs implements JobQueue {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async add(task: string): Promise<number> {
    return Number((await this.#db.once('INSERT INTO jobs (task) VALUES ($1) RETURNING id', task))?.id);
  }

  async take(): Promise<{ id: number; task: string } | undefined> {
    const row = await this.#db.once(
      `UPDATE jobs SET taken = true WHERE id = (
         SELECT id FROM jobs WHERE NOT taken ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id, task`,
    );
    return row && { id: Number(row.id), task: String(row.task) };
  }

  async finish(id: number, outcome: string): Promise<void> {
    await this.#db.run('UPDATE jobs SET outcome = $2 WHERE id = $1', id, outcome);
  }

  async find(id: number): Promise<Job | undefined> {
    const row = await this.#db.get('SELECT taken, outcome FROM jobs WHERE id = $1', id);
    return (
      row && { taken: row.taken === true, outcome: row.outcome === null ? undefined : String(row.outcome) }
    );
  }

  async drop(id: number): Promise<void> {
    await this.#db.run('DELETE FROM jobs WHERE id = $1', id);
  }

  async withdraw(id: number): Promise<boolean> {
    const row = await this.#db.once('DELETE FROM jobs WHERE id = $1 AND NOT taken RETURNING id', id);
    return row !== undefined;
  }

  async dropAll(): Promise<void> {
    await this.#db.run('DELETE FROM jobs');
  }
}
