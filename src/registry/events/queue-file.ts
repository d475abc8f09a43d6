import { closeSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { makeDirectories } from '../../linux/index.js';
import { isUnsound, SqlFile } from '../../sqlite/index.js';

/** How long a write waits for another process that is writing. Everything else in this process waits with it. */
const BUSY_MS = 1000;

/** Raised whenever the tables change; an older file is then brought to the current tables here. */
const SCHEMA_VERSION = 1;

/** Times are milliseconds since 1970. `waiting` counts what has no `delivered_at`, which would take long to count. */
const TABLES = `
CREATE TABLE IF NOT EXISTS events (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL,
  at INTEGER NOT NULL,
  action TEXT NOT NULL,
  repository TEXT NOT NULL,
  tag TEXT,
  digest TEXT,
  media_type TEXT,
  body TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS deliveries (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  endpoint TEXT NOT NULL,
  event INTEGER NOT NULL,
  delivered_at INTEGER
);
CREATE INDEX IF NOT EXISTS deliveries_waiting ON deliveries (endpoint, id) WHERE delivered_at IS NULL;
CREATE INDEX IF NOT EXISTS deliveries_by_event ON deliveries (event);
CREATE TABLE IF NOT EXISTS waiting (
  endpoint TEXT PRIMARY KEY,
  count INTEGER NOT NULL
) WITHOUT ROWID;
`;

/** The file of a queue. Commits reach the disk when {@link sync} is asked for, and at checkpoints. */
export class QueueFile {
  readonly sql: SqlFile;
  readonly #path: string;
  /** SQLite takes no locks on this file, so that opening it once more takes none away. */
  #log: Promise<FileHandle> | undefined;
  #syncing: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  /** @param path a file, or `:memory:`. @throws when it cannot be used, also when it is no sound database. */
  constructor(path: string) {
    this.#path = path;
    if (path !== ':memory:') makeDirectories(dirname(path));
    this.sql = openDatabase(path);
    if (path !== ':memory:') syncDirectory(dirname(path));
  }

  /**
   * What was committed before survives a power cut once this resolves. The commits of SQLite itself would hold up the whole
   * process until the disk has them. Those who ask meanwhile share the next one.
   */
  sync(): Promise<void> {
    if (this.#path === ':memory:') return Promise.resolve();
    if (this.#syncing === undefined) return this.#start();
    this.#next ??= this.#syncing
      .catch(() => {})
      .then(() => {
        this.#next = undefined;
        return this.#start();
      });
    return this.#next;
  }

  async close(): Promise<void> {
    await this.#syncing?.catch(() => {});
    this.sql.close();
    await (await this.#log?.catch(() => undefined))?.close();
  }

  #start(): Promise<void> {
    const done = this.#syncLog().finally(() => {
      this.#syncing = undefined;
    });
    this.#syncing = done;
    return done;
  }

  async #syncLog(): Promise<void> {
    this.#log ??= open(`${this.#path}-wal`, 'r').catch((error: unknown) => {
      this.#log = undefined;
      throw error;
    });
    await (await this.#log).datasync();
  }
}

/** Moves away a file that is no sound database. @returns where to. */
export function setAside(path: string, now: Date): string {
  const aside = `${path}.damaged-${now.toISOString().replace(/\W/g, '')}`;
  renameSync(path, aside);
  for (const suffix of ['-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true });
  return aside;
}

/** Whether {@link setAside} would help. */
export function isDamaged(error: unknown): boolean {
  return isUnsound(error);
}

function openDatabase(path: string): SqlFile {
  const db = new DatabaseSync(path, { timeout: BUSY_MS });
  try {
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -2048');
    const { user_version: version } = db.prepare('PRAGMA user_version').get() ?? {};
    if (Number(version) > SCHEMA_VERSION)
      throw new Error(`${path} was written by a newer Berth: move it away to begin with an empty queue`);
    if (Number(version) < SCHEMA_VERSION)
      db.exec(`BEGIN IMMEDIATE; ${TABLES} PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT`);
    db.exec('SELECT count(*) FROM waiting');
    return new SqlFile(db);
  } catch (error) {
    db.close();
    throw error;
  }
}

/** The names of new files survive a power cut, too. */
function syncDirectory(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
