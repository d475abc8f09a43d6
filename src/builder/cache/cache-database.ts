import { mkdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';

export type Row = Readonly<Record<string, unknown>>;

const BUSY_MS = 10_000;
/** A cache of another version is thrown away: it is only a cache. */
const VERSION = 1;

const SCHEMA = `
-- What steps made, by the keys that lead to it. Times in milliseconds; created as in the image's history.
CREATE TABLE steps (
  key TEXT PRIMARY KEY, diff_id TEXT NOT NULL, size INTEGER NOT NULL, created TEXT NOT NULL,
  description TEXT NOT NULL, made_at INTEGER NOT NULL, used_at INTEGER NOT NULL, uses INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX steps_by_layer ON steps (diff_id);
-- Layers of base images that were unpacked to their tars.
CREATE TABLE base_layers (diff_id TEXT PRIMARY KEY, size INTEGER NOT NULL, made_at INTEGER NOT NULL, used_at INTEGER NOT NULL) WITHOUT ROWID;
-- What listings without digests were ever seen at a step: where there is none, no cached result can be.
CREATE TABLE shapes (key TEXT PRIMARY KEY, used_at INTEGER NOT NULL) WITHOUT ROWID;
-- Directories of RUN --mount=type=cache.
CREATE TABLE mounts (
  id TEXT PRIMARY KEY, directory TEXT NOT NULL, made_at INTEGER NOT NULL, used_at INTEGER NOT NULL
) WITHOUT ROWID;
-- Layers again, whose times and file times were rewritten.
CREATE TABLE rewritten (key TEXT PRIMARY KEY, diff_id TEXT NOT NULL, size INTEGER NOT NULL, used_at INTEGER NOT NULL) WITHOUT ROWID;
PRAGMA user_version = ${VERSION};
`;

/** SQL on the cache's file, each statement prepared once. Parameters are written `?1`, `?2`, ... */
export class CacheDatabase {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(path: string) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    this.#db = openSound(path);
  }

  get(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#prepare(sql).get(...values);
  }

  all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#prepare(sql).all(...values);
  }

  run(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#prepare(sql).run(...values).changes);
  }

  /** All of it or nothing, apart from other processes. Runs to its end without giving way. */
  transaction<T>(work: () => T): T {
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.#db.exec('COMMIT');
      return result;
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      throw error;
    }
  }

  close(): void {
    if (this.#db.isOpen) this.#db.close();
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

/** A damaged or foreign file is replaced: what is in it can be made again. */
function openSound(path: string): DatabaseSync {
  try {
    return open(path);
  } catch (error) {
    if (!isUnsound(error)) throw error;
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true });
    return open(path);
  }
}

class ForeignVersion extends Error {}

function open(path: string): DatabaseSync {
  const db = new DatabaseSync(path, { timeout: BUSY_MS });
  try {
    if (versionOf(db) === 0) create(db);
    db.exec('PRAGMA synchronous = NORMAL');
    if (versionOf(db) !== VERSION) throw new ForeignVersion();
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function create(db: DatabaseSync): void {
  db.exec('PRAGMA journal_mode = WAL');
  db.exec('BEGIN IMMEDIATE');
  if (versionOf(db) === 0) db.exec(SCHEMA); // another process may have been first
  db.exec('COMMIT');
}

function versionOf(db: DatabaseSync): number {
  return Number(db.prepare('PRAGMA user_version').get()?.user_version);
}

function isUnsound(error: unknown): boolean {
  const code = (error as { errcode?: number }).errcode;
  return error instanceof ForeignVersion || code === 11 || code === 26; // SQLITE_CORRUPT, SQLITE_NOTADB
}
