/**
 * What the registry knows about its content without reading it: repositories, tags, manifests, what refers to
 * what, sizes and times. Derived from the files, which are the truth: it can be deleted at any time.
 * Start with metadata-index.ts, the promise; sqlite/ keeps it for one machine, postgresql/ for any number.
 */
import type { PostgresOptions } from './postgresql/options.js';
import type { PostgresIndex } from './postgresql/postgres-index.js';

export { IndexUnavailableError } from './errors.js';
export type {
  BlobRecord,
  ManifestKey,
  ManifestRecord,
  ManifestReference,
  ManifestUse,
  MetadataIndex,
  PendingDelete,
  Pull,
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
export type { PostgresOptions } from './postgresql/options.js';
export { SqliteIndex } from './sqlite/sqlite-index.js';

/**
 * What speaks to PostgreSQL is loaded for those who have one only.
 * @throws {TypeError} the URL is none. Nothing is asked of the database yet.
 */
export async function openPostgresIndex(options: PostgresOptions): Promise<PostgresIndex> {
  const { PostgresIndex } = await import('./postgresql/postgres-index.js');
  return new PostgresIndex(options);
}
