import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';

import type { DiskReserve } from './disk-reserve.js';
import { explainDisk } from './result-codes.js';

export type { SQLInputValue };

export type Row = Readonly<Record<string, unknown>>;

/** The log, which the next process reads where nobody closed the file, grows to no more than 1 MiB. */
export const SHORT_LOG = 'PRAGMA wal_autocheckpoint = 256';

/** SQL on an open database, each statement prepared once. Parameters are written `?1`, `?2`, ... */
export class SqlFile {
  readonly #db: DatabaseSync;
  readonly #reserve: DiskReserve | undefined;
  /** By what their rows come as. */
  readonly #statements = {
    objects: new Map<string, StatementSync>(),
    arrays: new Map<string, StatementSync>(),
  };

  /** @param db is closed with this. @param reserve is given up for changes. */
  constructor(db: DatabaseSync, reserve?: DiskReserve) {
    this.#db = db;
    this.#reserve = reserve;
  }

  get(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#told(() => this.#prepare(sql).get(...values));
  }

  all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#told(() => this.#prepare(sql).all(...values));
  }

  /** Rows while `wanted` says so of each: those behind are not even read. */
  takeWhile(wanted: (row: Row) => boolean, sql: string, ...values: SQLInputValue[]): Row[] {
    const rows: Row[] = [];
    for (const row of this.#prepare(sql).iterate(...values)) {
      if (!wanted(row)) break;
      rows.push(row);
    }
    return rows;
  }

  /** The values of the first column, without an object for each row: for long lists. */
  column(sql: string, ...values: SQLInputValue[]): unknown[] {
    const rows = this.#told(() => this.#prepare(sql, 'arrays').all(...values)) as unknown as unknown[][];
    return rows.map(([value]) => value);
  }

  /** The values of the first row, without an object for them: for what is asked at each request. */
  first(sql: string, ...values: SQLInputValue[]): unknown[] | undefined {
    return this.#told(() => this.#prepare(sql, 'arrays').get(...values)) as unknown[] | undefined;
  }

  run(sql: string, ...values: SQLInputValue[]): { changes: number; rowid: number } {
    if (!this.#db.isTransaction) this.#reserve?.makeRoom();
    const { changes, lastInsertRowid } = this.#told(() => this.#prepare(sql).run(...values));
    return { changes: Number(changes), rowid: Number(lastInsertRowid) };
  }

  /** Several statements without parameters. */
  exec(sql: string): void {
    this.#told(() => this.#db.exec(sql));
  }

  /** All of it or nothing, apart from all other processes; inside another one, a part of it. Runs without giving way. */
  transaction<T>(work: () => T): T {
    if (this.#db.isTransaction) return work();
    this.#reserve?.makeRoom();
    this.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.exec('COMMIT');
      return result;
    } catch (error) {
      // SQLite itself goes back after some failures, such as a full disk.
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      throw error;
    }
  }

  get isTransaction(): boolean {
    return this.#db.isOpen && this.#db.isTransaction;
  }

  get isOpen(): boolean {
    return this.#db.isOpen;
  }

  close(): void {
    if (this.#db.isOpen) this.#db.close();
  }

  /** @throws {SqlDiskError} in place of what SQLite says of disks. */
  #told<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw explainDisk(error, this.#db.location() ?? 'a database in memory');
    }
  }

  #prepare(sql: string, rows: 'objects' | 'arrays' = 'objects'): StatementSync {
    let statement = this.#statements[rows].get(sql);
    if (statement === undefined) {
      statement = this.#db.prepare(sql);
      statement.setReturnArrays(rows === 'arrays');
      this.#statements[rows].set(sql, statement);
    }
    return statement;
  }
}
