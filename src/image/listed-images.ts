import type { ImageRecord } from './image-records.js';
import type { LocalImage } from './local-image.js';
import type { LocalStore } from './local-store.js';

/** An image with what its configuration says; nothing for an artifact. `createdAt` in milliseconds, 0 for never. */
export type ListedImage = Readonly<{ record: ImageRecord; image: LocalImage | undefined; createdAt: number }>;

/** The newest first, by when they were made; an image that lost its name to another form of itself is not told of. */
export function listImages(store: LocalStore): ListedImage[] {
  const records = store.images();
  const named = new Set(records.filter(({ names }) => names.length > 0).map(({ id }) => id));
  return records
    .filter(({ id, names }) => names.length > 0 || !named.has(id))
    .map((record) => {
      const image = findImage(store, record);
      return { record, image, createdAt: Date.parse(image?.config.created ?? '') || 0 };
    })
    .sort((a, b) => b.createdAt - a.createdAt);
}

function findImage(store: LocalStore, { descriptor }: ImageRecord): LocalImage | undefined {
  try {
    return store.image(descriptor);
  } catch {
    return undefined;
  }
}
