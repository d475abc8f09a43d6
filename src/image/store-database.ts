import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import {
  type DiskReserve,
  explainDisk,
  isUnsound,
  SHORT_LOG,
  type SQLInputValue,
  SqlFile,
} from '../sqlite/index.js';

/** How long a change waits for that of another process. */
const BUSY_MS = 10_000;
const VERSION = 2;

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
-- What a stored layer is when uncompressed.
CREATE TABLE layers (digest TEXT PRIMARY KEY, diff_id TEXT NOT NULL, size INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE compressions (
  diff_id TEXT, recipe TEXT, digest TEXT NOT NULL, size INTEGER NOT NULL, PRIMARY KEY (diff_id, recipe)
) WITHOUT ROWID;
-- Repositories that have a blob, which may be mounted from there.
CREATE TABLE sources (digest TEXT, repository TEXT, PRIMARY KEY (digest, repository)) WITHOUT ROWID;
PRAGMA user_version = ${VERSION};
`;

/** The file of the local store. */
export class StoreDatabase extends SqlFile {
  readonly #path: string;
  /** Whether the file was made just now. */
  readonly isNew: boolean;

  /** A file that is no database any more is put aside. */
  constructor(path: string, reserve: DiskReserve) {
    super(openSound(path), reserve);
    this.#path = path;
    this.isNew = this.#version() === 0 && this.#create();
    this.exec(`PRAGMA synchronous = NORMAL; ${SHORT_LOG}`);
    if (this.#version() === 1) this.#upgrade();
    if (this.#version() > VERSION) {
      this.close();
      throw new Error(`${path} was written by a newer Berth: use that one, or another --root`);
    }
  }

  /**
   * In place of {@link close}, by a process that ends now: what it has committed survives a power cut, in the log beside
   * the file. Whoever closes as the last moves it from there into the file, and waits for the disk four times.
   */
  leave(): void {
    if (Number(this.get('SELECT total_changes() AS changes')?.changes) === 0) return;
    const path = `${this.#path}-wal`;
    if (!existsSync(path)) return; // on a disk that cannot have it each commit was synced
    const log = openSync(path, 'r');
    try {
      fsyncSync(log); // its time too, and with it the new names of blobs, which came before
    } finally {
      closeSync(log);
    }
  }

  /** The values of the first column, as text. */
  override column(sql: string, ...values: SQLInputValue[]): string[] {
    return super.column(sql, ...values).map(String);
  }

  /** Another number whenever another process has changed something. */
  get dataVersion(): number {
    return Number(this.get('PRAGMA data_version')?.data_version);
  }

  #version(): number {
    return Number(this.get('PRAGMA user_version')?.user_version);
  }

  /** @returns false when another process was faster. */
  #create(): boolean {
    this.exec('PRAGMA journal_mode = WAL');
    return this.transaction(() => {
      if (this.#version() !== 0) return false;
      this.exec(SCHEMA);
      return true;
    });
  }

  /** Leases were in a table, which those that are in files now know nothing of. */
  #upgrade(): void {
    this.transaction(() => this.exec(`DROP TABLE IF EXISTS leases; PRAGMA user_version = ${VERSION}`));
  }
}

function openSound(path: string): DatabaseSync {
  const db = new DatabaseSync(path, { timeout: BUSY_MS });
  try {
    db.exec('PRAGMA user_version; SELECT count(*) FROM sqlite_schema');
    return db;
  } catch (error) {
    db.close();
    if (!isUnsound(error)) throw explainDisk(error, path);
    renameSync(path, `${path}.damaged-${Date.now()}`);
    for (const suffix of ['-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true });
    return new DatabaseSync(path, { timeout: BUSY_MS });
  }
}
