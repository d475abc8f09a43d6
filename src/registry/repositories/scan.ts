import { type Blobs, layout } from '../../content/index.js';
import type { BlobRecord, RepositoryChanges, RepositoryContents, TagRecord } from '../../index/index.js';
import { type Digest, digestOfBytes, findTag, type RepositoryName, type Tag } from '../../oci/index.js';
import type { StorageDriver, StoragePath } from '../../storage/index.js';
import { mapSideBySide } from '../side-by-side.js';
import { absentAsUndefined, digestsBelow, type Link, type Links, linksOf } from './links.js';
import { manifestRecord } from './manifest-record.js';

/** `blobs` may know how to look at many at once. */
export type ScanSource = Readonly<{
  links: Links;
  blobs: Pick<Blobs, 'stat' | 'read'> & Partial<Pick<Blobs, 'gather'>>;
}>;

/**
 * `reread` trusts nothing that is indexed of manifests. `namesOnly` does not look where known links lead: enough for whoever
 * asks what may go, since a link that says nothing any more then counts as if it led there still.
 */
export type ScanOptions = Readonly<{ reread: boolean; namesOnly?: boolean }>;

/** Nearly all have less; larger ones are read one by one. */
const SMALL_MANIFEST_BYTES = 64 * 1024;

/** A scan under way: where it reads, and the links that say nothing. `believed` need not be read. */
type Scan = ScanSource &
  Readonly<{ unreadable: Set<StoragePath>; believed: Pick<RepositoryContents, 'blobs' | 'manifests'> }>;

/**
 * Compares a repository's files, which are the truth, with what is indexed of them. Links that lead nowhere
 * count as absent: the client will push that content again.
 * @returns what would make the index tell the truth.
 */
export async function scanRepository(
  source: ScanSource,
  repository: RepositoryName,
  indexed: RepositoryContents,
  options: ScanOptions,
): Promise<RepositoryChanges> {
  const believed = options.namesOnly ? indexed : NOTHING;
  const scan = { ...source, unreadable: new Set<StoragePath>(), believed };
  const known = options.reread ? NOTHING : indexed;
  const [layers, revisions, tags] = await Promise.all([
    digestsBelow(source.links, layout.layersPath(repository)),
    digestsBelow(source.links, layout.revisionsPath(repository)),
    readTags(scan, repository),
  ]);
  const layerPath = (digest: Digest) => layout.layerLinkPath(repository, digest);
  const newLayers = layers.filter((digest) => !scan.believed.blobs.has(digest));
  const sized = { ...scan, blobs: await nearby(scan, newLayers, layerPath, 0) };
  const blobs = await mapSideBySide(newLayers, (digest) => readBlob(sized, repository, digest));
  const found = new Set(blobs.map(({ digest }) => digest));
  for (const digest of layers) if (scan.believed.blobs.has(digest)) found.add(digest);
  const revisionPath = (digest: Digest) => layout.revisionLinkPath(repository, digest);
  const newRevisions = revisions.filter((digest) => !known.manifests.has(digest));
  const held = { ...scan, blobs: await nearby(scan, newRevisions, revisionPath, SMALL_MANIFEST_BYTES) };
  const manifests = await mapSideBySide(revisions, (digest) => readManifest(held, repository, digest, known));
  const present = new Set(manifests.map(({ digest }) => digest));
  const leading = tags.filter(({ digest }) => present.has(digest));
  const names = new Set(leading.map(({ tag }) => tag));
  return {
    putBlobs: blobs.flatMap(({ digest, record }) => (known.blobs.has(digest) ? [] : record)),
    dropBlobs: [...indexed.blobs].filter((digest) => !found.has(digest)),
    putManifests: manifests.flatMap(({ record }) => record ?? []),
    dropManifests: [...indexed.manifests].filter((digest) => !present.has(digest)),
    putTags: leading.filter(({ tag, digest }) => known.tags.get(tag) !== digest),
    dropTags: [...indexed.tags.keys()].filter((tag) => !names.has(tag)),
    unreadable: areSame(scan.unreadable, indexed.unreadable) ? undefined : [...scan.unreadable].sort(),
  };
}

/** Whether the index tells the truth already. */
export function isNothing({ unreadable, ...lists }: RepositoryChanges): boolean {
  return unreadable === undefined && Object.values(lists).every((list) => list.length === 0);
}

function areSame<T>(one: ReadonlySet<T>, other: ReadonlySet<T>): boolean {
  return one.size === other.size && [...one].every((item) => other.has(item));
}

const NOTHING = {
  blobs: new Set<Digest>(),
  manifests: new Set<Digest>(),
  tags: new Map<Tag, Digest>(),
};

/** Manifests that have a directory, and tags that name something, whether or not it is there. */
export async function scanLinks(
  driver: StorageDriver,
  repository: RepositoryName,
): Promise<{ revisions: readonly Digest[]; tags: readonly TagRecord[] }> {
  const links = await linksOf(driver, repository);
  const [revisions, tags] = await Promise.all([
    digestsBelow(links, layout.revisionsPath(repository)),
    readTags({ links, unreadable: new Set() }, repository),
  ]);
  return { revisions, tags };
}

/** What links lead to, looked at all at once where the store knows how. */
async function nearby(
  { blobs, links }: Scan,
  digests: readonly Digest[],
  pathOf: (digest: Digest) => StoragePath,
  readUpTo: number,
): Promise<Pick<Blobs, 'stat' | 'read'>> {
  if (!blobs.gather) return blobs;
  const targets = await mapSideBySide(digests, async (digest) => {
    const link = await links.read(pathOf(digest), digest);
    return link === 'unreadable' ? undefined : link?.target;
  });
  const found = await blobs.gather([...new Set(targets)], { readUpTo });
  return {
    stat: async (digest) => found?.get(digest)?.size ?? blobs.stat(digest),
    read: async (digest) => {
      const bytes = found?.get(digest)?.bytes;
      return bytes ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) : blobs.read(digest);
    },
  };
}

async function readBlob(
  scan: Scan,
  repository: RepositoryName,
  digest: Digest,
): Promise<Readonly<{ digest: Digest; record: BlobRecord }> | undefined> {
  const link = await readLink(scan, layout.layerLinkPath(repository, digest), digest);
  if (link === undefined) return undefined;
  const size = await scan.blobs.stat(link.target);
  if (size === undefined) return undefined;
  return { digest, record: { digest, canonical: link.target, size, linkedAt: link.modifiedAt } };
}

async function readManifest(
  scan: Scan,
  repository: RepositoryName,
  digest: Digest,
  known: Pick<RepositoryContents, 'manifests'>,
) {
  if (scan.believed.manifests.has(digest)) {
    // The reference registry leaves the directory of what was deleted.
    const names = await scan.links.names(layout.revisionPath(repository, digest));
    return names.includes('link') ? { digest } : undefined;
  }
  const path = layout.revisionLinkPath(repository, digest);
  const link = await readLink(scan, path, digest);
  if (link === undefined) return undefined;
  if (known.manifests.has(digest)) {
    return (await scan.blobs.stat(link.target)) === undefined ? undefined : { digest };
  }
  const bytes = await absentAsUndefined(scan.blobs.read(link.target));
  if (bytes === undefined) return undefined;
  const record = isContent(link.target, bytes)
    ? manifestRecord({ digest, canonical: link.target, bytes, pushedAt: link.modifiedAt })
    : undefined;
  if (record === undefined) scan.unreadable.add(path);
  return record && { digest, record };
}

/** The index must not vouch for bytes that were damaged where they lay. */
function isContent(canonical: Digest, bytes: Uint8Array): boolean {
  return digestOfBytes('sha256', bytes) === canonical;
}

async function readTags(
  scan: Pick<Scan, 'links' | 'unreadable'>,
  repository: RepositoryName,
): Promise<TagRecord[]> {
  const names = await scan.links.names(layout.tagsPath(repository));
  return mapSideBySide(names, async (name) => {
    const tag = findTag(name);
    const link = tag && (await readLink(scan, layout.tagLinkPath(repository, tag)));
    return tag && link && { tag, digest: link.target, taggedAt: link.modifiedAt };
  });
}

/** @returns `undefined` for a link that is absent, or says nothing. */
async function readLink(
  { links, unreadable }: Pick<Scan, 'links' | 'unreadable'>,
  path: StoragePath,
  named?: Digest,
): Promise<Link | undefined> {
  const link = await links.read(path, named);
  if (link !== 'unreadable') return link;
  unreadable.add(path);
  return undefined;
}
