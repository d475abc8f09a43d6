import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { makeDirectories } from '../linux/index.js';
import { isUnsound, type Row, type SQLInputValue, SqlFile } from '../sqlite/index.js';
import { explained, IndexUnavailableError } from './errors.js';
import { createTables } from './schema.js';

/** The number of the repository that is named by the first parameter of a statement. */
export const REPOSITORY = '(SELECT id FROM repositories WHERE name = ?1)';

/** How long a write waits for another process that is writing. Everything else in this process waits with it. */
const BUSY_MS = 1000;

/**
 * The index's file. Every call throws {@link IndexUnavailableError} when the file cannot be used now. A file that turns out to be
 * damaged is replaced by an empty one.
 */
export class Database {
  readonly #path: string;
  #file: SqlFile;
  #replaced = 0;

  /** @param path a file, or `:memory:`. */
  constructor(path: string) {
    if (path !== ':memory:') makeDirectories(dirname(path));
    this.#path = path;
    this.#file = openSound(path);
  }

  /** How often the file turned out to be damaged while in use, and lost all that it held. */
  get replaced(): number {
    return this.#replaced;
  }

  get(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#guarded(() => this.#file.get(sql, ...values));
  }

  all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#guarded(() => this.#file.all(sql, ...values));
  }

  takeWhile(wanted: (row: Row) => boolean, sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#guarded(() => this.#file.takeWhile(wanted, sql, ...values));
  }

  column(sql: string, ...values: SQLInputValue[]): unknown[] {
    return this.#guarded(() => this.#file.column(sql, ...values));
  }

  run(sql: string, ...values: SQLInputValue[]): { changes: number; rowid: number } {
    return this.#guarded(() => this.#file.run(sql, ...values));
  }

  transaction<T>(work: () => T): T {
    return this.#guarded(() => this.#file.transaction(work));
  }

  close(): void {
    this.#file.close();
  }

  #guarded<T>(work: () => T): T {
    if (this.#file.isTransaction) return work(); // a transaction is guarded as a whole
    try {
      return work();
    } catch (error) {
      if (!isUnsound(error)) throw explained(error);
      this.#replace();
      throw new IndexUnavailableError('the index was damaged and is made anew', { cause: error });
    }
  }

  #replace(): void {
    this.#file.close();
    this.#replaced += 1;
    removeFiles(this.#path);
    try {
      this.#file = openDatabase(this.#path);
    } catch {
      this.#file = openDatabase(':memory:'); // the damaged disk may take nothing any more
    }
  }
}

function openSound(path: string): SqlFile {
  try {
    return openDatabase(path);
  } catch (error) {
    if (!isUnsound(error)) throw error;
    removeFiles(path);
    return openDatabase(path);
  }
}

function removeFiles(path: string): void {
  if (path === ':memory:') return;
  for (const suffix of ['', '-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true });
}

function openDatabase(path: string): SqlFile {
  const db = new DatabaseSync(path, { timeout: BUSY_MS });
  try {
    createTables(db);
    db.exec('SELECT * FROM pending_deletes'); // what a start needs first is sound
    return new SqlFile(db);
  } catch (error) {
    db.close();
    throw error;
  }
}
