import { layout } from '../../content/index.js';
import type { ManifestRecord } from '../../index/index.js';
import type { RepositoryName, Tag } from '../../oci/index.js';
import { type RepositoryStore, settled } from './store.js';

/** Files, then the index: under locks of the repository and of the bytes. */
export function publishManifest(
  store: RepositoryStore,
  repository: RepositoryName,
  manifest: ManifestRecord,
  tags: readonly Tag[],
): Promise<void> {
  return settled(store, repository, async () => {
    await writeFiles(store, repository, manifest, tags);
    await store.index.putManifest(repository, manifest, tags);
  });
}

async function writeFiles(
  { driver, index }: Pick<RepositoryStore, 'driver' | 'index'>,
  repository: RepositoryName,
  { digest, canonical, bytes }: ManifestRecord,
  tags: readonly Tag[],
): Promise<void> {
  const link = Buffer.from(digest);
  const current = tags.map((tag) => ({ path: layout.tagLinkPath(repository, tag), bytes: link }));
  const content = [
    { path: layout.blobPath(canonical), bytes },
    { path: layout.revisionLinkPath(repository, digest), bytes: Buffer.from(canonical) },
    // Only the reference registry reads these, and only to remove them.
    ...tags.map((tag) => ({
      path: layout.tagHistoryLinkPath(repository, tag, digest),
      bytes: link,
      durable: false,
    })),
  ];
  // A tag that moves must not lose its old manifest before the new one is there for good. A new tag has nothing to
  // lose: whatever a crash leaves of it counts as absent.
  const moves = await Promise.all(tags.map((tag) => index.findTag(repository, tag)));
  const isMove = moves.some((target) => target !== undefined);
  await driver.publish(...(isMove ? [content, current] : [[...content, ...current]]));
}
