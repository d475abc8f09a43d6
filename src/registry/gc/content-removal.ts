import type { Digest } from '../../oci/index.js';
import type { RepositoryStore } from '../repositories/index.js';
import type { TrustedIndex } from './trusted-index.js';

/**
 * Removes bytes that no link names, unless they are younger than `before`.
 * @returns how many bytes that frees; `undefined` when they stay.
 * @throws {IndexNotTrustedError}
 */
export function removeContent(
  { blobs, index, locks }: RepositoryStore,
  trusted: TrustedIndex,
  digest: Digest,
  { before, dryRun }: Readonly<{ before: Date; dryRun: boolean }>,
): Promise<number | undefined> {
  return locks.forRemoval(digest, async (lost) => {
    const info = await blobs.info(digest);
    if (info === undefined || info.changedAt >= before) return undefined;
    const [unlinked] = await index.unlinked([digest]);
    trusted.check();
    if (unlinked === undefined) return undefined;
    lost.throwIfAborted();
    if (!dryRun) await blobs.remove(digest);
    return info.size;
  });
}
