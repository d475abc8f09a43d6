import type { Descriptor, Digest } from '../oci/index.js';
import { CONTAINERD_NAME, REF_NAME } from './layout-names.js';
import { isManifestType, parseStored } from './manifests.js';

/** What an index.json lists: the images, and what is about some manifest of the same layout, by that. */
export type LayoutEntries = Readonly<{
  images: readonly Descriptor[];
  referrers: ReadonlyMap<Digest, readonly Descriptor[]>;
}>;

/**
 * Tells images from manifests that are about them, as oras and Berth list those: without a name.
 * @param read the bytes of a manifest; `undefined` when the layout has none of this digest.
 */
export function sortEntries(
  entries: readonly Descriptor[],
  read: (descriptor: Pick<Descriptor, 'digest' | 'size'>) => Uint8Array | undefined,
): LayoutEntries {
  const images: Descriptor[] = [];
  const referrers = new Map<Digest, Descriptor[]>();
  for (const entry of entries) {
    const subject = isNamed(entry) ? undefined : subjectOf(entry, read);
    const isAbout = subject !== undefined && read(subject) !== undefined;
    if (isAbout) referrers.set(subject.digest, [...(referrers.get(subject.digest) ?? []), entry]);
    else images.push(entry);
  }
  return { images, referrers };
}

function isNamed({ annotations }: Descriptor): boolean {
  return annotations?.[REF_NAME] !== undefined || annotations?.[CONTAINERD_NAME] !== undefined;
}

function subjectOf(
  entry: Descriptor,
  read: (descriptor: Descriptor) => Uint8Array | undefined,
): Descriptor | undefined {
  const bytes = isManifestType(entry.mediaType) ? read(entry) : undefined;
  try {
    return bytes && parseStored(bytes, entry).subject;
  } catch {
    return undefined; // whoever copies it will say what is wrong
  }
}
