import type { ImageEndpoint } from '../content/index.js';
import { formatReference, parseReference } from '../oci/index.js';
import { type CopyOptions, copy } from './copy.js';
import type { ImageRecord } from './image-records.js';
import type { LocalStore } from './local-store.js';

type SaveOptions = Pick<CopyOptions, 'platform' | 'referrers' | 'onProgress' | 'signal'>;

/** Images chosen to be saved together, each once. Nothing is read before {@link saveImages}. */
export type ChosenImages = readonly Readonly<{ record: ImageRecord; names: readonly string[] }>[];

/** @param texts as people type them. @throws {ImageNotFoundError} */
export function chooseImages(store: LocalStore, texts: readonly string[]): ChosenImages {
  return merged(texts.map((text) => ({ record: store.get(text), names: savedNames(store, text) })));
}

/** Writes images into one archive or layout, and ends it. @param source the store, or what compresses its layers. */
export async function saveImages(
  source: ImageEndpoint,
  chosen: ChosenImages,
  target: ImageEndpoint,
  options: SaveOptions,
): Promise<void> {
  for (const { record, names } of chosen) {
    await copy(source, record.descriptor.digest, target, names.length > 0 ? names : [''], {
      ...options,
      jobs: 1, // so that equal images make equal archives
      more: true,
    });
  }
  await target.finish();
}

/** The name that was typed, none for an id. */
function savedNames(store: LocalStore, text: string): string[] {
  const { names } = store.get(text);
  try {
    const name = formatReference(parseReference(text));
    return names.includes(name) ? [name] : [];
  } catch {
    return [];
  }
}

/** An image that is given by several names is in the archive once. */
function merged(chosen: ChosenImages): ChosenImages {
  const byDigest = new Map<string, { record: ImageRecord; names: string[] }>();
  for (const { record, names } of chosen) {
    const known = byDigest.get(record.descriptor.digest)?.names ?? [];
    byDigest.set(record.descriptor.digest, { record, names: [...new Set([...known, ...names])] });
  }
  return [...byDigest.values()];
}
