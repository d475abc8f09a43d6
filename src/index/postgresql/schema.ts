import { randomInt } from 'node:crypto';
import type { ClientBase } from 'pg';
import { IndexUnavailableError } from '../errors.js';
import type { PostgresOptions } from './options.js';

/** Raised whenever the tables change. The index is derived: an older one is dropped, not migrated. */
const SCHEMA_VERSION = 1;

/** One server at a time makes the tables. Any number that no other program uses for its locks. */
const MIGRATION_LOCK = 0x62_65_72_74;

/** Times are milliseconds since 1970. Names compare by bytes, whatever the database's own order is. */
const TABLES = `
CREATE TABLE repositories (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name TEXT COLLATE "C" NOT NULL UNIQUE,
  version BIGINT NOT NULL DEFAULT 0,
  pushed_at BIGINT,
  pulled_at BIGINT,
  shown BOOLEAN NOT NULL DEFAULT false
);
CREATE INDEX repositories_shown ON repositories (name) WHERE shown;
CREATE TABLE blobs (
  repository_id BIGINT NOT NULL,
  digest TEXT COLLATE "C" NOT NULL,
  canonical TEXT COLLATE "C" NOT NULL,
  size BIGINT NOT NULL,
  linked_at BIGINT NOT NULL,
  PRIMARY KEY (repository_id, digest)
);
CREATE INDEX blobs_by_digest ON blobs (digest);
CREATE INDEX blobs_by_canonical ON blobs (canonical) WHERE canonical <> digest;
CREATE TABLE manifests (
  repository_id BIGINT NOT NULL,
  digest TEXT COLLATE "C" NOT NULL,
  canonical TEXT COLLATE "C" NOT NULL,
  media_type TEXT COLLATE "C" NOT NULL,
  artifact_type TEXT COLLATE "C",
  subject TEXT COLLATE "C",
  size BIGINT NOT NULL,
  pushed_at BIGINT NOT NULL,
  pulled_at BIGINT,
  annotations TEXT NOT NULL,
  bytes BYTEA NOT NULL,
  PRIMARY KEY (repository_id, digest)
);
CREATE INDEX manifests_by_canonical ON manifests (canonical);
CREATE INDEX manifests_by_subject ON manifests (repository_id, subject, digest) WHERE subject IS NOT NULL;
CREATE TABLE manifest_references (
  repository_id BIGINT NOT NULL,
  manifest TEXT COLLATE "C" NOT NULL,
  target TEXT COLLATE "C" NOT NULL,
  kind TEXT NOT NULL,
  PRIMARY KEY (repository_id, manifest, target, kind)
);
CREATE INDEX references_by_target ON manifest_references (repository_id, target);
CREATE TABLE tags (
  repository_id BIGINT NOT NULL,
  name TEXT COLLATE "C" NOT NULL,
  digest TEXT COLLATE "C" NOT NULL,
  tagged_at BIGINT NOT NULL,
  pulled_at BIGINT,
  PRIMARY KEY (repository_id, name)
);
CREATE INDEX tags_by_digest ON tags (repository_id, digest);
CREATE TABLE unreadable_links (
  repository_id BIGINT NOT NULL,
  path TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (repository_id, path)
);
CREATE TABLE trash (
  id TEXT COLLATE "C" PRIMARY KEY,
  repository TEXT COLLATE "C" NOT NULL,
  canonical TEXT COLLATE "C" NOT NULL
);
CREATE INDEX trash_by_canonical ON trash (canonical);
CREATE TABLE trash_references (
  repository TEXT COLLATE "C" NOT NULL,
  target TEXT COLLATE "C" NOT NULL,
  id TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (repository, target, id)
);
CREATE TABLE jobs (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  task TEXT NOT NULL,
  taken BOOLEAN NOT NULL DEFAULT false,
  outcome TEXT
);
CREATE TABLE pending_deletes (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  repository TEXT COLLATE "C" NOT NULL,
  tag TEXT COLLATE "C",
  digest TEXT COLLATE "C",
  begun_at BIGINT NOT NULL
);
-- One row: since when pulls are remembered, on which timeline of the database all was compared with the files, and whose.
CREATE TABLE history (since BIGINT NOT NULL, compared_on TEXT, registry TEXT);
CREATE TABLE distrusted (repository TEXT COLLATE "C" PRIMARY KEY);
`;

/**
 * Makes the tables, unless they are there, and drops those of older versions: one server does while others wait. They lie in a
 * schema that is named by their version and by a number of their own. So a server that knows other tables, be they of another
 * version or lost and made anew meanwhile, finds none of its own any more, and can neither read nor write these unawares.
 * @param broken a schema that lacks some of its tables.
 * @returns the schema's name.
 * @throws {IndexUnavailableError} a newer version of Berth has made them anew, or they are of another registry.
 */
export function createTables(
  client: ClientBase,
  { schema, registry }: Pick<PostgresOptions, 'schema' | 'registry'>,
  broken: string | undefined,
): Promise<string> {
  return inMigration(client, async () => {
    const found = await schemasOf(client, schema);
    const newest = Math.max(...found.map(({ version }) => version));
    if (newest > SCHEMA_VERSION) throw tooOld(newest);
    const current = found.find(({ version, name }) => version === SCHEMA_VERSION && name !== broken);
    const name = current?.name ?? (await makeTables(client, schema));
    await client.query(`SET LOCAL search_path TO ${quoted(name)}`);
    if (registry) await requireSame(client, registry);
    for (const other of found) {
      if (other !== current) await client.query(`DROP SCHEMA ${quoted(other.name)} CASCADE`);
    }
    return name;
  });
}

/** All of `work` or nothing, by one server at a time. */
export async function inMigration<T>(client: ClientBase, work: () => Promise<T>): Promise<T> {
  await client.query('BEGIN');
  try {
    await client.query('SELECT pg_advisory_xact_lock($1)', [MIGRATION_LOCK]);
    const result = await work();
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {}); // the first failure tells more
    throw error;
  }
}

/** Collecting garbage by the index of another registry would remove what only this one has. */
export async function requireSame(client: ClientBase, registry: () => Promise<string>): Promise<void> {
  const { rows } = await client.query('SELECT registry FROM history');
  const own = await registry().catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    throw new IndexUnavailableError(`the index cannot be used: it is not known whose it is: ${reason}`, {
      cause: error,
    });
  });
  if (rows[0]?.registry === null) await client.query('UPDATE history SET registry = $1', [own]);
  else if (rows[0]?.registry !== own)
    throw new IndexUnavailableError(
      'the database has the index of another registry: name another database, or another berth.index.postgresql.schema',
    );
}

async function makeTables(client: ClientBase, schema: string): Promise<string> {
  await requireUnicode(client);
  const name = `${schema}_v${SCHEMA_VERSION}_${randomInt(2 ** 47)}`;
  await client.query(`CREATE SCHEMA ${quoted(name)}; SET LOCAL search_path TO ${quoted(name)}; ${TABLES}`);
  await client.query('INSERT INTO history (since) VALUES ($1)', [Date.now()]);
  return name;
}

async function schemasOf(client: ClientBase, schema: string): Promise<{ name: string; version: number }[]> {
  const { rows } = await client.query('SELECT nspname FROM pg_namespace WHERE starts_with(nspname, $1)', [
    `${schema}_v`,
  ]);
  return rows.flatMap(({ nspname }) => {
    const [, version] = /^v(\d+)_\d+$/.exec(String(nspname).slice(schema.length + 1)) ?? [];
    return version === undefined ? [] : [{ name: String(nspname), version: Number(version) }];
  });
}

/** Annotations are any text. */
async function requireUnicode(client: ClientBase): Promise<void> {
  const { rows } = await client.query('SHOW server_encoding');
  const encoding = String(rows[0]?.server_encoding);
  if (encoding === 'UTF8') return;
  throw new IndexUnavailableError(
    `the index cannot be kept in a database of encoding ${encoding}: make one with ENCODING 'UTF8' TEMPLATE template0`,
  );
}

function tooOld(version: number): IndexUnavailableError {
  return new IndexUnavailableError(
    `the index was made anew by a newer version of Berth (tables ${version}, not ${SCHEMA_VERSION}): start that version here too`,
  );
}

export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
