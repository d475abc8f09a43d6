import type { DatabaseSync } from 'node:sqlite';

/** Raised whenever the tables change. The index is derived: an older one is dropped, not migrated. */
const SCHEMA_VERSION = 7;

/**
 * Times are milliseconds since 1970. Names compare by bytes, which is SQLite's default. Columns of digests have them packed,
 * as packed-digest.ts says: a column of type BLOB takes any value as it is.
 */
const TABLES = `
CREATE TABLE repositories (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  version INTEGER NOT NULL DEFAULT 0,
  pushed_at INTEGER,
  pulled_at INTEGER,
  shown INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX repositories_shown ON repositories (shown, name);
CREATE TABLE blobs (
  repository_id INTEGER NOT NULL,
  digest BLOB NOT NULL,
  canonical BLOB NOT NULL,
  size INTEGER NOT NULL,
  linked_at INTEGER NOT NULL,
  PRIMARY KEY (repository_id, digest)
) WITHOUT ROWID;
CREATE INDEX blobs_by_digest ON blobs (digest);
CREATE INDEX blobs_by_canonical ON blobs (canonical) WHERE canonical <> digest;
CREATE TABLE manifests (
  id INTEGER PRIMARY KEY,
  repository_id INTEGER NOT NULL,
  digest BLOB NOT NULL,
  canonical BLOB NOT NULL,
  media_type TEXT NOT NULL,
  artifact_type TEXT,
  subject BLOB,
  size INTEGER NOT NULL,
  pushed_at INTEGER NOT NULL,
  pulled_at INTEGER,
  annotations TEXT NOT NULL,
  bytes BLOB NOT NULL,
  UNIQUE (repository_id, digest)
);
CREATE INDEX manifests_by_canonical ON manifests (canonical);
CREATE INDEX manifests_by_push ON manifests (repository_id, pushed_at, digest);
-- A repository is shown while it has a manifest: a page of the catalog need not look for one in each.
CREATE TRIGGER repository_appears AFTER INSERT ON manifests BEGIN
  UPDATE repositories SET shown = 1 WHERE id = new.repository_id AND shown = 0;
END;
CREATE TRIGGER repository_disappears AFTER DELETE ON manifests BEGIN
  UPDATE repositories SET shown = 0 WHERE id = old.repository_id
    AND NOT EXISTS (SELECT 1 FROM manifests WHERE repository_id = old.repository_id);
END;
CREATE INDEX manifests_by_subject ON manifests (repository_id, subject, digest) WHERE subject IS NOT NULL;
CREATE TABLE manifest_references (
  manifest_id INTEGER NOT NULL,
  target BLOB NOT NULL,
  kind TEXT NOT NULL,
  repository_id INTEGER NOT NULL,
  PRIMARY KEY (manifest_id, target, kind)
) WITHOUT ROWID;
CREATE INDEX references_by_target ON manifest_references (repository_id, target);
CREATE TABLE tags (
  repository_id INTEGER NOT NULL,
  name TEXT NOT NULL,
  digest BLOB NOT NULL,
  tagged_at INTEGER NOT NULL,
  pulled_at INTEGER,
  PRIMARY KEY (repository_id, name)
) WITHOUT ROWID;
CREATE INDEX tags_by_digest ON tags (repository_id, digest);
CREATE TABLE unreadable_links (
  repository_id INTEGER NOT NULL,
  path TEXT NOT NULL,
  PRIMARY KEY (repository_id, path)
) WITHOUT ROWID;
CREATE TABLE trash (
  id TEXT PRIMARY KEY,
  repository TEXT NOT NULL,
  canonical BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX trash_by_canonical ON trash (canonical);
CREATE TABLE trash_references (
  repository TEXT NOT NULL,
  target BLOB NOT NULL,
  id TEXT NOT NULL,
  PRIMARY KEY (repository, target, id)
) WITHOUT ROWID;
CREATE TABLE jobs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  task TEXT NOT NULL,
  taken INTEGER NOT NULL DEFAULT 0,
  outcome TEXT
);
-- One row: since when pulls are remembered, and whether all was compared with the files.
CREATE TABLE history (since INTEGER NOT NULL, compared INTEGER NOT NULL DEFAULT 0);
INSERT INTO history (since) VALUES (unixepoch() * 1000);
CREATE TABLE distrusted (repository TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE pending_deletes (
  id INTEGER PRIMARY KEY,
  repository TEXT NOT NULL,
  tag TEXT,
  digest BLOB,
  begun_at INTEGER NOT NULL
);
`;

/** Brings a database to the current tables, emptying one of another version. */
export function createTables(db: DatabaseSync): void {
  // An empty file has nothing to lose: what a power cut leaves of it is found to be unsound, and replaced.
  if (isEmpty(db)) db.exec('PRAGMA synchronous = OFF');
  db.exec('PRAGMA journal_mode = WAL; PRAGMA cache_size = -4096');
  if (versionOf(db) !== SCHEMA_VERSION) makeTables(db);
  // The start-up scan reads the files again, so a lost transaction costs nothing: no sync at each commit.
  db.exec('PRAGMA synchronous = NORMAL');
}

function makeTables(db: DatabaseSync): void {
  db.exec('BEGIN IMMEDIATE');
  try {
    // Another process may have been first.
    if (versionOf(db) !== SCHEMA_VERSION) {
      for (const table of tablesOf(db)) db.exec(`DROP TABLE "${table}"`);
      db.exec(TABLES);
      db.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
    }
    db.exec('COMMIT');
  } catch (error) {
    db.exec('ROLLBACK');
    throw error;
  }
}

function isEmpty(db: DatabaseSync): boolean {
  return db.prepare('PRAGMA page_count').get()?.page_count === 0;
}

function versionOf(db: DatabaseSync): number {
  return Number(db.prepare('PRAGMA user_version').get()?.user_version);
}

function tablesOf(db: DatabaseSync): string[] {
  const rows = db
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    .all();
  return rows.map((row) => String(row.name));
}
