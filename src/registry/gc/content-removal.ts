import type { Digest } from '../../oci/index.js';
import type { RepositoryStore } from '../repositories/index.js';
import { mapSideBySide } from '../side-by-side.js';
import type { TrustedIndex } from './trusted-index.js';

/** `bytes` become free. */
export type RemovedContent = Readonly<{ digest: Digest; bytes: number }>;

/**
 * Removes bytes that no link names, unless they are younger than `before`. Whoever is about to name some of them waits.
 * @returns what is gone, or would be.
 * @throws {IndexNotTrustedError}
 */
export function removeContents(
  { blobs, index, locks }: RepositoryStore,
  trusted: TrustedIndex,
  digests: readonly Digest[],
  { before, dryRun }: Readonly<{ before: Date; dryRun: boolean }>,
): Promise<readonly RemovedContent[]> {
  return locks.forRemoval(digests, async (lost) => {
    const old = await mapSideBySide(digests, async (digest) => {
      const info = await blobs.info(digest);
      return info && info.changedAt < before ? { digest, bytes: info.size } : undefined;
    });
    const unlinked = new Set(await index.unlinked(old.map(({ digest }) => digest)));
    trusted.check();
    const removed = old.filter(({ digest }) => unlinked.has(digest));
    lost.throwIfAborted();
    if (!dryRun) await blobs.remove(removed.map(({ digest }) => digest));
    return removed;
  });
}
