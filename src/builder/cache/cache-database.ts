import { mkdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Digest } from '../../oci/index.js';
import { isUnsound, SHORT_LOG, SqlFile } from '../../sqlite/index.js';

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

/** The file of the cache. */
export class CacheDatabase extends SqlFile {
  constructor(path: string) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    super(openSound(path));
  }
}

/** All layers that any key leads to. */
export function keptLayers(db: CacheDatabase): Set<Digest> {
  const rows = db.all(
    'SELECT diff_id FROM steps UNION SELECT diff_id FROM rewritten UNION SELECT diff_id FROM base_layers',
  );
  return new Set(rows.map(({ diff_id: diffID }) => String(diffID) as Digest));
}

/** Whether any key leads to a layer. */
export function isKept(db: CacheDatabase, diffID: Digest): boolean {
  const found = db.get(
    `SELECT 1 FROM steps WHERE diff_id = ?1 UNION ALL SELECT 1 FROM rewritten WHERE diff_id = ?1
       UNION ALL SELECT 1 FROM base_layers WHERE diff_id = ?1`,
    diffID,
  );
  return found !== undefined;
}

/** A damaged or foreign file is replaced: what is in it can be made again. */
function openSound(path: string): DatabaseSync {
  try {
    return open(path);
  } catch (error) {
    if (!isUnsound(error) && !(error instanceof ForeignVersion)) throw error;
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true });
    return open(path);
  }
}

class ForeignVersion extends Error {}

function open(path: string): DatabaseSync {
  const db = new DatabaseSync(path, { timeout: BUSY_MS });
  try {
    if (versionOf(db) === 0) create(db);
    db.exec(`PRAGMA synchronous = NORMAL; ${SHORT_LOG}`);
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
