import type { Digest } from '../../oci/index.js';
import type { RepositoryStore } from '../repositories/index.js';
import { mapSideBySide } from '../side-by-side.js';
import type { TrustedIndex } from './trusted-index.js';

/** `bytes` become free. */
export type RemovedContent = Readonly<{ digest: Digest; bytes: number }>;

/** Which of these bytes are not younger than `before`. */
export async function measureContents(
  { blobs }: Pick<RepositoryStore, 'blobs'>,
  digests: readonly Digest[],
  before: Date,
): Promise<readonly RemovedContent[]> {
  const infos = await mapSideBySide(digests, (digest) => blobs.info(digest));
  return digests.flatMap((digest, i) => {
    const info = infos[i];
    return info && info.changedAt < before ? [{ digest, bytes: info.size }] : [];
  });
}

/**
 * Removes bytes that no link names, unless they are younger than `before`. Whoever is about to name some of them waits.
 * @returns what is gone.
 * @throws {IndexNotTrustedError}
 */
export function removeContents(
  { blobs, index, locks }: RepositoryStore,
  trusted: TrustedIndex,
  digests: readonly Digest[],
  before: Date,
): Promise<readonly RemovedContent[]> {
  return locks.forRemoval(digests, async (lost) => {
    const unlinked = await index.unlinked(digests);
    trusted.check();
    lost.throwIfAborted();
    const sizes = await blobs.remove(unlinked, { changedBefore: before });
    return unlinked.flatMap((digest, i) => {
      const bytes = sizes[i];
      return bytes === undefined ? [] : [{ digest, bytes }];
    });
  });
}
