import { MAX_MANIFEST_BYTES } from '../content/index.js';
import { type Descriptor, type Digest, findDigest, formatReference, parseReference } from '../oci/index.js';
import type { ArchiveFiles, ArchivePlace } from './archive-files.js';
import type { ArchivedImage, ArchiveIndex } from './archive-images.js';
import { type DockerManifestEntry, dockerManifestIn } from './docker-archive-index.js';
import { sortEntries } from './layout-entries.js';
import { entriesIn, wholeNameOf } from './layout-names.js';
import { isManifestType, parseStored } from './manifests.js';

/** What an archive in the form of an OCI layout holds; `undefined` for another form. */
export function ociImagesIn(files: ArchiveFiles): ArchiveIndex | undefined {
  if (files.find('oci-layout') === undefined || files.find('index.json') === undefined) return undefined;
  const content = blobsIn(files);
  const entries = entriesIn(files.read('index.json')).filter(({ digest }) => content.has(digest));
  const { images, referrers } = sortEntries(entries, ({ digest, size }) => {
    const place = content.get(digest);
    return place?.size === size && size <= MAX_MANIFEST_BYTES ? files.readAt(place, size) : undefined;
  });
  if (images.length === 0) return undefined;
  const tags = dockerManifestIn(files) ?? [];
  return { images: merged(images.map((image) => namesOf(files, image, tags))), content, referrers };
}

function blobsIn(files: ArchiveFiles): ReadonlyMap<Digest, ArchivePlace> {
  const content = new Map<Digest, ArchivePlace>();
  for (const name of files.names()) {
    const [, algorithm, encoded] = /^blobs\/([^/]+)\/([^/]+)$/.exec(name) ?? [];
    const digest = algorithm === undefined ? undefined : findDigest(`${algorithm}:${encoded}`);
    const place = digest === undefined ? undefined : files.find(name);
    if (digest !== undefined && place !== undefined) content.set(digest, place);
  }
  return content;
}

/** `docker save` writes the names into manifest.json too, and only there before version 25. */
function namesOf(
  files: ArchiveFiles,
  descriptor: Descriptor,
  tags: readonly DockerManifestEntry[],
): ArchivedImage {
  const name = wholeNameOf(descriptor);
  if (name !== undefined) return { descriptor, names: [name] };
  const config = configPath(files, descriptor);
  const entry = tags.find(({ Config }) => Config === config);
  return { descriptor, names: entry?.RepoTags.map((tag) => formatReference(parseReference(tag))) ?? [] };
}

function configPath(files: ArchiveFiles, descriptor: Descriptor): string | undefined {
  if (!isManifestType(descriptor.mediaType)) return undefined;
  const bytes = files.read(`blobs/${descriptor.digest.replace(':', '/')}`);
  const digest = parseStored(bytes, descriptor).config?.digest;
  return digest === undefined ? undefined : `blobs/${digest.replace(':', '/')}`;
}

/** An image of several names is listed once for each. */
export function merged(images: readonly ArchivedImage[]): readonly ArchivedImage[] {
  const byDigest = new Map<Digest, ArchivedImage>();
  for (const { descriptor, names } of images) {
    const known = byDigest.get(descriptor.digest)?.names ?? [];
    byDigest.set(descriptor.digest, { descriptor, names: [...new Set([...known, ...names])] });
  }
  return [...byDigest.values()];
}
