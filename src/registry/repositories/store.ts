import type { Blobs } from '../../content/index.js';
import type { MetadataIndex } from '../../index/index.js';
import type { StorageDriver } from '../../storage/index.js';
import type { IndexSync } from './index-sync.js';
import type { RepositoryLocks } from './locks.js';

/** What the parts of a registry's repositories share. */
export type RepositoryStore = Readonly<{
  driver: StorageDriver;
  blobs: Blobs;
  index: MetadataIndex;
  sync: IndexSync;
  locks: RepositoryLocks;
  now: () => Date;
}>;
