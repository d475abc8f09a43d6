import { parseReference, shortReference } from '../oci/index.js';
import { type ImageFilter, parseImageFilters } from './image-filters.js';
import { type ListedImage, listImages } from './listed-images.js';
import type { LocalStore } from './local-store.js';
import type { RemovedPart } from './remove-image.js';

type PruneOptions = Readonly<{
  /** Also those that have names. */
  all: boolean;
  /** `key=value` each. */
  filters: readonly string[];
  /** An image that somebody needs stays. */
  isNeeded?: (image: ListedImage) => boolean;
}>;

/** Removes images without a name, or all; and content that nothing needs. @throws {FilterError} */
export function pruneImages(
  store: LocalStore,
  { all, filters, isNeeded = () => false }: PruneOptions,
): Readonly<{ parts: readonly RemovedPart[]; reclaimedBytes: number }> {
  const listed = listImages(store);
  const accepting = parseImageFilters(filters).map((filter: ImageFilter) => filter(listed));
  const victims = listed.filter(
    (image) =>
      (all || image.record.names.length === 0) &&
      !isNeeded(image) &&
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
