/**
 * What the registry knows about its content without reading it: repositories, tags, manifests, what refers to
 * what, sizes and times. Derived from the files, which are the truth: it can be deleted at any time.
 * Start with metadata-index.ts, the promise; sqlite/ keeps it for one machine.
 */
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
export { PostgresIndex } from './postgresql/postgres-index.js';
export { SqliteIndex } from './sqlite/sqlite-index.js';
