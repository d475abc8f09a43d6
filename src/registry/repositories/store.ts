import type { Blobs } from '../../content/index.js';
import type { MetadataIndex } from '../../index/index.js';
import type { RepositoryName } from '../../oci/index.js';
import type { StorageDriver } from '../../storage/index.js';
import type { IndexSync } from './index-sync.js';
import type { RepositoryLocks } from './locks.js';
import type { Trash } from './trash.js';

/** What the parts of a registry's repositories share. */
export type RepositoryStore = Readonly<{
  driver: StorageDriver;
  blobs: Blobs;
  index: MetadataIndex;
  sync: IndexSync;
  locks: RepositoryLocks;
  /** `undefined` where what is deleted is gone. */
  trash: Trash | undefined;
  now: () => Date;
}>;

/**
 * Runs a change of files and index. When it fails half-way, the index is made to agree with what the files became.
 * @throws what `change` throws.
 */
export async function settled<T>(
  { sync }: RepositoryStore,
  repository: RepositoryName,
  change: () => Promise<T>,
): Promise<T> {
  try {
    return await change();
  } catch (error) {
    await sync.recheck(repository).catch(() => sync.distrust(repository)); // the first failure tells more
    throw error;
  }
}
