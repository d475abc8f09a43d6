/**
 * Repositories on top of content and index: which blobs, manifests and tags each one shows, kept in the files
 * and in the index alike. Knows no HTTP and no users. Start with repository-manifests.ts.
 */
export { Catalog, type Page, type Paged, type Visible } from './catalog.js';
export { IndexSync } from './index-sync.js';
export { linksOf } from './links.js';
export { RepositoryLocks } from './locks.js';
export { manifestRecord } from './manifest-record.js';
export { type ManifestRules, type Platform, requiredContent } from './manifest-rules.js';
export { PullTimes } from './pull-times.js';
export type { QuotaRule } from './quotas.js';
export { RepositoryBlobs } from './repository-blobs.js';
export { RepositoryEndpoint } from './repository-endpoint.js';
export { type ManifestPush, type PushedManifest, RepositoryManifests } from './repository-manifests.js';
export { isNothing, scanRepository } from './scan.js';
export type { RepositoryStore } from './store.js';
export { type DigestLink, surveyLinks } from './survey.js';
export { removeStaleHistory } from './tag-history.js';
export { Trash } from './trash.js';
export type { TrashEntry } from './trash-entry.js';
export { type PurgeResult, purgeUploads } from './upload-purger.js';
export { walkRepositories, walkUploaders } from './walk.js';
