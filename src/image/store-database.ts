import { renameSync, rmSync } from 'node:fs';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';

type Row = Readonly<Record<string, unknown>>;

/** How long a change waits for that of another process. */
const BUSY_MS = 10_000;
const VERSION = 1;

const SCHEMA = `
-- What was named, or has lost its name: a manifest or index, and the id that people know it by.
CREATE TABLE images (
  digest TEXT PRIMARY KEY, media_type TEXT NOT NULL, size INTEGER NOT NULL,
  id TEXT NOT NULL, added_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX images_by_id ON images (id);
CREATE TABLE names (name TEXT PRIMARY KEY, digest TEXT NOT NULL, tagged_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX names_by_digest ON names (digest);
-- What registries call an image: repository@remote.
CREATE TABLE repo_digests (
  repository TEXT, remote TEXT, digest TEXT, PRIMARY KEY (repository, remote, digest)
) WITHOUT ROWID;
CREATE INDEX repo_digests_by_digest ON repo_digests (digest);
-- Every manifest that is stored, for what it is about.
CREATE TABLE manifests (
  digest TEXT PRIMARY KEY, media_type TEXT NOT NULL, size INTEGER NOT NULL, subject TEXT, artifact_type TEXT
) WITHOUT ROWID;
CREATE INDEX manifests_by_subject ON manifests (subject) WHERE subject IS NOT NULL;
-- Content that is to stay without a name, by whoever wants it.
CREATE TABLE holds (owner TEXT, digest TEXT, PRIMARY KEY (owner, digest)) WITHOUT ROWID;
-- Content that a running process is about to name.
CREATE TABLE leases (holder TEXT, digest TEXT, PRIMARY KEY (holder, digest)) WITHOUT ROWID;
-- What a stored layer is when uncompressed.
CREATE TABLE layers (digest TEXT PRIMARY KEY, diff_id TEXT NOT NULL, size INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE compressions (
  diff_id TEXT, recipe TEXT, digest TEXT NOT NULL, size INTEGER NOT NULL, PRIMARY KEY (diff_id, recipe)
) WITHOUT ROWID;
-- Repositories that have a blob, which may be mounted from there.
CREATE TABLE sources (digest TEXT, repository TEXT, PRIMARY KEY (digest, repository)) WITHOUT ROWID;
PRAGMA user_version = ${VERSION};
`;

/** SQL on the store's file, each statement prepared once. Parameters are written `?1`, `?2`, ... */
export class StoreDatabase {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  /** Whether the file was made just now. */
  readonly isNew: boolean;

  /** A file that is no database any more is put aside. */
  constructor(path: string) {
    this.#db = openSound(path);
    this.isNew = this.#version() === 0 && this.#create();
    this.#db.exec('PRAGMA synchronous = NORMAL');
    if (this.#version() > VERSION) {
      this.#db.close();
      throw new Error(`${path} was written by a newer Berth: use that one, or another --root`);
    }
  }

  get(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#prepare(sql).get(...values);
  }

  all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#prepare(sql).all(...values);
  }

  /** The values of the first column, as text. */
  column(sql: string, ...values: SQLInputValue[]): string[] {
    return this.all(sql, ...values).map((row) => String(Object.values(row)[0]));
  }

  run(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#prepare(sql).run(...values).changes);
  }

  /** All of it or nothing, apart from all other processes. Runs to its end without giving way. */
  transaction<T>(work: () => T): T {
    if (this.#db.isTransaction) return work();
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

  /** Another number whenever another process has changed something. */
  get dataVersion(): number {
    return Number(this.get('PRAGMA data_version')?.data_version);
  }

  get isOpen(): boolean {
    return this.#db.isOpen;
  }

  close(): void {
    if (this.#db.isOpen) this.#db.close();
  }

  #version(): number {
    return Number(this.#db.prepare('PRAGMA user_version').get()?.user_version);
  }

  /** @returns false when another process was faster. */
  #create(): boolean {
    this.#db.exec('PRAGMA journal_mode = WAL');
    return this.transaction(() => {
      if (this.#version() !== 0) return false;
      this.#db.exec(SCHEMA);
      return true;
    });
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

/** Of SQLite: the file is damaged, or something else. */
const UNSOUND: ReadonlySet<unknown> = new Set([11, 26]);

function openSound(path: string): DatabaseSync {
  const db = new DatabaseSync(path, { timeout: BUSY_MS });
  try {
    db.exec('PRAGMA user_version; SELECT count(*) FROM sqlite_schema');
    return db;
  } catch (error) {
    db.close();
    if (!UNSOUND.has((error as { errcode?: unknown }).errcode)) throw error;
    renameSync(path, `${path}.damaged-${Date.now()}`);
    for (const suffix of ['-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true });
    return new DatabaseSync(path, { timeout: BUSY_MS });
  }
}
