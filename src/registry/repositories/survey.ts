import { layout } from '../../content/index.js';
import { type Digest, findTag, type RepositoryName, type Tag } from '../../oci/index.js';
import type { StorageDriver, StoragePath } from '../../storage/index.js';
import { mapSideBySide } from '../side-by-side.js';
import { digestsBelow, type Links, linksOf } from './links.js';

/** Where a link leads: `undefined` for one that says nothing, or something else than its name. */
type Target = Readonly<{ path: StoragePath; target: Digest | undefined }>;
export type DigestLink = Target & Readonly<{ digest: Digest }>;
export type TagLink = Target & Readonly<{ tag: Tag }>;

/** All links of a repository, whether or not anything is where they lead. */
export type Survey = Readonly<{
  layers: readonly DigestLink[];
  revisions: readonly DigestLink[];
  tags: readonly TagLink[];
}>;

/** Reads the links as they lie there. */
export async function surveyLinks(driver: StorageDriver, repository: RepositoryName): Promise<Survey> {
  const links = await linksOf(driver, repository);
  // Tags first: what is deleted meanwhile loses its tags before itself.
  const names = await links.names(layout.tagsPath(repository));
  const tags = await mapSideBySide(names, async (name) => {
    const tag = findTag(name);
    const link = tag && (await targetOf(links, layout.tagLinkPath(repository, tag)));
    return tag && link && { ...link, tag };
  });
  const below = async (folder: StoragePath, pathOf: (digest: Digest) => StoragePath) =>
    mapSideBySide(await digestsBelow(links, folder), async (digest) => {
      const link = await targetOf(links, pathOf(digest), digest);
      return link && { ...link, digest };
    });
  const revisions = await below(layout.revisionsPath(repository), (digest) =>
    layout.revisionLinkPath(repository, digest),
  );
  const layers = await below(layout.layersPath(repository), (digest) =>
    layout.layerLinkPath(repository, digest),
  );
  return { layers, revisions, tags };
}

/** @param named what the path names: bytes are stored under sha256, so that such a link can lead nowhere else. */
async function targetOf(links: Links, path: StoragePath, named?: Digest): Promise<Target | undefined> {
  const link = await links.read(path, named);
  if (link === undefined) return undefined;
  const target = link === 'unreadable' ? undefined : link.target;
  return { path, target: named?.startsWith('sha256:') && target !== named ? undefined : target };
}
