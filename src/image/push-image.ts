import type { ImageEndpoint } from '../content/index.js';
import { type Descriptor, formatReference, keyText, parseReference, type Reference } from '../oci/index.js';
import { type CompressionOptions, compressed } from './compressed-images.js';
import { copy } from './copy.js';
import type { ImageRecord } from './image-records.js';
import type { LocalStore } from './local-store.js';
import type { OnTransfer } from './transfer-event.js';

export type PushImageOptions = CompressionOptions &
  Readonly<{ referrers: boolean; jobs?: number; onProgress?: OnTransfer; signal?: AbortSignal }>;

/**
 * An image of this machine goes to a repository, its layers compressed.
 * @param repository the one in `to`. @returns what it is there.
 */
export async function pushImage(
  store: LocalStore,
  { descriptor }: ImageRecord,
  repository: ImageEndpoint,
  to: Reference,
  { referrers, jobs, ...options }: PushImageOptions,
): Promise<Descriptor> {
  const { onProgress, signal } = options;
  const root = await copy(compressed(store, options), descriptor.digest, repository, [keyText(to.key)], {
    mountFrom: (layer) => mountSource(store, layer, to),
    referrers,
    ...(onProgress && { onProgress }),
    ...(signal && { signal }),
    ...(jobs !== undefined && { jobs }),
  });
  store.addRepoDigest(descriptor.digest, repository.name, root.digest);
  rememberSources(store, descriptor, repository.name);
  return root;
}

/** All names that a repository has here, whole, in order; none is an answer. */
export function namesOfRepository(store: LocalStore, repository: string): string[] {
  const prefix = formatReference(parseReference(repository)).replace(/:[^:/]*$/, ':');
  return store
    .images()
    .flatMap(({ names }) => names.filter((name) => name.startsWith(prefix)))
    .sort();
}

/** Another repository of the same registry that a layer came from or went to. */
function mountSource(store: LocalStore, { digest }: Descriptor, to: Reference): string | undefined {
  const prefix = `${to.registry}/`;
  const own = `${prefix}${to.repository}`;
  const known = store.layers.sources(digest).filter((source) => source.startsWith(prefix));
  if (known.includes(own)) return undefined;
  return known[0]?.slice(prefix.length);
}

function rememberSources(store: LocalStore, root: Descriptor, repository: string): void {
  try {
    for (const { digest } of store.image(root).manifest.layers) {
      for (const sent of [digest, ...store.layers.compressedForms(digest)]) {
        store.layers.addSource(sent, repository);
      }
    }
  } catch {
    // an artifact has no layers of files
  }
}
