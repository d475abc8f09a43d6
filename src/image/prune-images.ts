import { parseReference, shortReference } from '../oci/index.js';
import { type ImageFilter, parseImageFilters } from './image-filters.js';
import { listImages } from './listed-images.js';
import type { LocalStore } from './local-store.js';
import type { ImageUser, RemovedPart } from './remove-image.js';

type PruneOptions = Readonly<{
  /** Also those that have names. */
  all: boolean;
  /** `key=value` each. */
  filters: readonly string[];
  /** What containers were made of stays. */
  users: readonly ImageUser[];
}>;

/** Removes images without a name, or all; and content that nothing needs. @throws {FilterError} */
export function pruneImages(
  store: LocalStore,
  { all, filters, users }: PruneOptions,
): Readonly<{ parts: readonly RemovedPart[]; reclaimedBytes: number }> {
  const used = new Set(users.map(({ id }) => id));
  const listed = listImages(store);
  const accepting = parseImageFilters(filters).map((filter: ImageFilter) => filter(listed));
  const victims = listed.filter(
    (image) =>
      (all || image.record.names.length === 0) &&
      !used.has(image.record.id) &&
      accepting.every((accepts) => accepts(image, image.record.names[0])),
  );
  const parts: RemovedPart[] = [];
  let reclaimedBytes = 0;
  for (const { record } of victims) {
    const removed = store.remove(record);
    reclaimedBytes += removed.reclaimedBytes;
    parts.push(
      ...removed.untagged.map((name) => ({ untagged: shortReference(parseReference(name)) })),
      ...removed.deleted.map((deleted) => ({ deleted })),
    );
  }
  return { parts, reclaimedBytes: reclaimedBytes + store.prune().reclaimedBytes };
}
