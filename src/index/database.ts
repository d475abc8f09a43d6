import { mkdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { explained, IndexUnavailableError, isUnsound } from './errors.js';
import { createTables } from './schema.js';

export type Row = Readonly<Record<string, unknown>>;

/** The number of the repository that is named by the first parameter of a statement. */
export const REPOSITORY = '(SELECT id FROM repositories WHERE name = ?1)';

/** How long a write waits for another process that is writing. Everything else in this process waits with it. */
const BUSY_MS = 1000;

/**
 * SQL on one SQLite file, each statement prepared once. Parameters are written `?1`, `?2`, ...
 * Every call throws {@link IndexUnavailableError} when the file cannot be used now. A file that turns out to be
 * damaged is replaced by an empty one.
 */
export class Database {
  readonly #path: string;
  readonly #statements = new Map<string, StatementSync>();
  #db: DatabaseSync;
  #replaced = 0;

  /** @param path a file, or `:memory:`. */
  constructor(path: string) {
    if (path !== ':memory:') mkdirSync(dirname(path), { recursive: true });
    this.#path = path;
    this.#db = openSound(path);
  }

  /** How often the file turned out to be damaged while in use, and lost all that it held. */
  get replaced(): number {
    return this.#replaced;
  }

  get(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#guarded(() => this.#prepare(sql).get(...values));
  }

  all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#guarded(() => this.#prepare(sql).all(...values));
  }

  /** Rows while `wanted` says so of each: those behind are not even read. */
  takeWhile(wanted: (row: Row) => boolean, sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#guarded(() => {
      const rows: Row[] = [];
      for (const row of this.#prepare(sql).iterate(...values)) {
        if (!wanted(row)) break;
        rows.push(row);
      }
      return rows;
    });
  }

  /** The values of the first column, without an object for each row: for long lists. */
  column(sql: string, ...values: SQLInputValue[]): unknown[] {
    return this.#guarded(() => {
      const statement = this.#prepare(sql);
      statement.setReturnArrays(true);
      return (statement.all(...values) as unknown as unknown[][]).map(([value]) => value);
    });
  }

  run(sql: string, ...values: SQLInputValue[]): { changes: number; rowid: number } {
    const { changes, lastInsertRowid } = this.#guarded(() => this.#prepare(sql).run(...values));
    return { changes: Number(changes), rowid: Number(lastInsertRowid) };
  }

  /** All of it or nothing. Runs to its end without giving way, so it must be short. */
  transaction<T>(work: () => T): T {
    return this.#guarded(() => {
      this.#db.exec('BEGIN IMMEDIATE');
      try {
        const result = work();
        this.#db.exec('COMMIT');
        return result;
      } catch (error) {
        // SQLite itself goes back after some failures, such as a full disk.
        if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
        throw error;
      }
    });
  }

  close(): void {
    if (this.#db.isOpen) this.#db.close();
  }

  #guarded<T>(work: () => T): T {
    if (this.#db.isTransaction) return work(); // a transaction is guarded as a whole
    try {
      return work();
    } catch (error) {
      if (!isUnsound(error)) throw explained(error);
      this.#replace();
      throw new IndexUnavailableError('the index was damaged and is made anew', { cause: error });
    }
  }

  #replace(): void {
    this.#statements.clear();
    this.#db.close();
    this.#replaced += 1;
    removeFiles(this.#path);
    try {
      this.#db = openDatabase(this.#path);
    } catch {
      this.#db = openDatabase(':memory:'); // the damaged disk may take nothing any more
    }
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

function openSound(path: string): DatabaseSync {
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

function openDatabase(path: string): DatabaseSync {
  const db = new DatabaseSync(path, { timeout: BUSY_MS });
  try {
    createTables(db);
    db.exec('SELECT * FROM pending_deletes'); // what a start needs first is sound
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}
