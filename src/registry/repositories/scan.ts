import { createHash } from 'node:crypto';
import { type Blobs, ContentNotFoundError, layout } from '../../content/index.js';
import type { BlobRecord, RepositoryChanges, RepositoryContents, TagRecord } from '../../index/index.js';
import {
  type Digest,
  digestOf,
  findDigest,
  findTag,
  type RepositoryName,
  type Tag,
} from '../../oci/index.js';
import { PathNotFoundError, type StorageDriver, type StoragePath } from '../../storage/index.js';
import { manifestRecord } from './manifest-record.js';

export type ScanSource = Readonly<{ driver: StorageDriver; blobs: Blobs }>;

/** Files looked at side by side: enough to keep a disk or an object store busy. */
const SIDE_BY_SIDE = 16;

/**
 * Compares a repository's files, which are the truth, with what is indexed of them. Links that lead nowhere
 * count as absent: the client will push that content again.
 * @returns what would make the index tell the truth.
 */
export async function scanRepository(
  source: ScanSource,
  repository: RepositoryName,
  indexed: RepositoryContents,
  options: { reread: boolean },
): Promise<RepositoryChanges> {
  const { driver } = source;
  const known = options.reread ? NOTHING : indexed;
  const [layers, links] = await Promise.all([
    digestsBelow(driver, layout.layersPath(repository)),
    scanLinks(driver, repository),
  ]);
  const { revisions, tags } = links;
  const blobs = await mapSideBySide(layers, (digest) => readBlob(source, repository, digest));
  const found = new Set(blobs.map(({ digest }) => digest));
  const manifests = await mapSideBySide(revisions, (digest) =>
    readManifest(source, repository, digest, known),
  );
  const present = new Set(manifests.map(({ digest }) => digest));
  const leading = tags.filter(({ digest }) => present.has(digest));
  const names = new Set(leading.map(({ tag }) => tag));
  return {
    putBlobs: blobs.filter(({ digest }) => !known.blobs.has(digest)),
    dropBlobs: [...indexed.blobs].filter((digest) => !found.has(digest)),
    putManifests: manifests.flatMap(({ record }) => record ?? []),
    dropManifests: [...indexed.manifests].filter((digest) => !present.has(digest)),
    putTags: leading.filter(({ tag, digest }) => known.tags.get(tag) !== digest),
    dropTags: [...indexed.tags.keys()].filter((tag) => !names.has(tag)),
  };
}

const NOTHING = { blobs: new Set<Digest>(), manifests: new Set<Digest>(), tags: new Map<Tag, Digest>() };

/** Manifests that have a directory, and tags that name something, whether or not it is there. */
export async function scanLinks(
  driver: StorageDriver,
  repository: RepositoryName,
): Promise<{ revisions: readonly Digest[]; tags: readonly TagRecord[] }> {
  const [revisions, tags] = await Promise.all([
    digestsBelow(driver, layout.revisionsPath(repository)),
    readTags(driver, repository),
  ]);
  return { revisions, tags };
}

async function readBlob(
  { driver, blobs }: ScanSource,
  repository: RepositoryName,
  digest: Digest,
): Promise<BlobRecord | undefined> {
  const link = await readLink(driver, layout.layerLinkPath(repository, digest));
  if (link === undefined) return undefined;
  const size = await blobs.stat(link.target);
  if (size === undefined) return undefined;
  return { digest, canonical: link.target, size, linkedAt: link.modifiedAt };
}

async function readManifest(
  { driver, blobs }: ScanSource,
  repository: RepositoryName,
  digest: Digest,
  known: Pick<RepositoryContents, 'manifests'>,
) {
  const link = await readLink(driver, layout.revisionLinkPath(repository, digest));
  if (link === undefined) return undefined;
  if (known.manifests.has(digest)) {
    return (await blobs.stat(link.target)) === undefined ? undefined : { digest };
  }
  const bytes = await absentAsUndefined(blobs.read(link.target));
  if (bytes === undefined || !isContent(link.target, bytes)) return undefined;
  const record = manifestRecord({ digest, canonical: link.target, bytes, pushedAt: link.modifiedAt });
  return record && { digest, record };
}

/** The index must not vouch for bytes that were damaged where they lay. */
function isContent(canonical: Digest, bytes: Uint8Array): boolean {
  return digestOf('sha256', createHash('sha256').update(bytes).digest('hex')) === canonical;
}

async function readTags(driver: StorageDriver, repository: RepositoryName): Promise<TagRecord[]> {
  const names: string[] = [];
  for await (const { name } of driver.list(layout.tagsPath(repository))) names.push(name);
  return mapSideBySide(names, async (name) => {
    const tag = findTag(name);
    const link = tag && (await readLink(driver, layout.tagLinkPath(repository, tag)));
    return tag && link && { tag, digest: link.target, taggedAt: link.modifiedAt };
  });
}

/** @returns `undefined` for a link that is absent, or empty or cut as after a crash of an older registry. */
async function readLink(
  driver: StorageDriver,
  path: StoragePath,
): Promise<{ target: Digest; modifiedAt: Date } | undefined> {
  const [bytes, info] = await Promise.all([absentAsUndefined(driver.read(path)), driver.stat(path)]);
  const target = bytes && findDigest(bytes.toString('utf8').trim());
  return target && info && { target, modifiedAt: info.modifiedAt };
}

const ALGORITHM = /^[a-z0-9]+(?:[+._-][a-z0-9]+)*$/;

async function digestsBelow(driver: StorageDriver, path: StoragePath): Promise<Digest[]> {
  const digests: Digest[] = [];
  for await (const algorithm of driver.list(path)) {
    if (!ALGORITHM.test(algorithm.name)) continue; // `@eaDir` and the like
    for await (const { name } of driver.list(`${path}/${algorithm.name}`)) {
      const digest = findDigest(`${algorithm.name}:${name}`);
      if (digest !== undefined) digests.push(digest);
    }
  }
  return digests;
}

async function absentAsUndefined<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof PathNotFoundError || error instanceof ContentNotFoundError) return undefined;
    throw error;
  }
}

/** Like `map`, a few at a time, leaving out what turns out `undefined`. Keeps the order. */
async function mapSideBySide<T, R>(
  items: readonly T[],
  map: (item: T) => Promise<R | undefined>,
): Promise<R[]> {
  const results: (R | undefined)[] = new Array(items.length);
  let next = 0;
  const worker = async () => {
    for (let i = next++; i < items.length; i = next++) results[i] = await map(items[i] as T);
  };
  await Promise.all(Array.from({ length: Math.min(SIDE_BY_SIDE, items.length) }, worker));
  return results.filter((result) => result !== undefined);
}
