import type { ImageEndpoint } from '../content/index.js';
import { type CopyOptions, copy } from './copy.js';
import type { ImageRecord } from './image-records.js';
import type { LocalStore } from './local-store.js';

type Archived = Readonly<{ descriptor: ImageRecord['descriptor']; names: readonly string[] }>;
type Loaded = Readonly<{ record: ImageRecord; names: readonly string[] }>;

/** Images of an archive or a layout become images of this machine, one after the other. */
export async function* loadImages(
  from: ImageEndpoint,
  images: readonly Archived[],
  store: LocalStore,
  options: Pick<CopyOptions, 'platform' | 'onProgress' | 'signal'>,
): AsyncGenerator<Loaded> {
  for (const { descriptor, names } of images) {
    const root = await copy(from, descriptor, store, [], { ...options, referrers: true });
    store.tagMany(root, names);
    yield { record: store.get(root.digest), names };
  }
}
