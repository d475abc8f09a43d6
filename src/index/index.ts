/**
 * What the registry knows about its content without reading it: repositories, tags, manifests, what refers to
 * what, sizes and times. Derived from the files, which are the truth: it can be deleted at any time.
 * Start with metadata-index.ts, the promise; sqlite/ keeps it for one machine, postgresql/ for any number.
 */
import type { Database, PostgresIndex, PostgresLocks } from './postgresql/index.js';
import type { KeptTables } from './postgresql/kept-tables.js';
import type { PostgresOptions } from './postgresql/options.js';

export { IndexUnavailableError } from './errors.js';
export type {
  BlobRecord,
  ContentUse,
  JobQueue,
  ManifestKey,
  ManifestRecord,
  ManifestReference,
  ManifestUse,
  MetadataIndex,
  Part,
  PendingDelete,
  Pull,
  PushPlace,
  Referrer,
  RepositoryChanges,
  RepositoryContents,
  RepositoryUsage,
  StoredManifest,
  TagList,
  TagRecord,
  TagUse,
  TrashRecord,
  Unneeded,
  UnreadableLink,
} from './metadata-index.js';
export type { Database, Session } from './postgresql/database.js';
export type { KeptTables } from './postgresql/kept-tables.js';
export type { PostgresOptions } from './postgresql/options.js';
export { SqliteIndex } from './sqlite/sqlite-index.js';

/**
 * An index, and locks between all that open it. What speaks to PostgreSQL is loaded for those who have one only.
 * @throws {TypeError} the URL is none. Nothing is asked of the database yet.
 */
export async function openPostgres(
  options: PostgresOptions,
): Promise<Readonly<{ index: PostgresIndex; locks: PostgresLocks }>> {
  const { PostgresIndex, PostgresLocks } = await import('./postgresql/index.js');
  return { index: new PostgresIndex(options), locks: new PostgresLocks(options) };
}

/**
 * Tables beside the index that are not derived from anything.
 * @throws {TypeError} the URL is none. Nothing is asked of the database yet.
 */
export async function openKeptTables(options: PostgresOptions, tables: KeptTables): Promise<Database> {
  const { Database, keptTables } = await import('./postgresql/index.js');
  return new Database(options, keptTables(options, tables));
}
