import { layout } from '../../content/index.js';
import type { RepositoryContents } from '../../index/index.js';
import { type Digest, findTag, type RepositoryName } from '../../oci/index.js';
import { InvalidPathError, type StorageDriver, type StoragePath } from '../../storage/index.js';
import { digestsBelow, gatherLinks, type Link, type Links, ListedLinks, MAX_LINK_BYTES } from './links.js';

/**
 * All links for one who believes those that are `known`: of known ones to blobs only the names are looked at, of those to
 * manifests only whether they are there. Read at once where the store knows how to look at many files.
 */
export async function gatherNewLinks(
  driver: StorageDriver,
  repository: RepositoryName,
  known: Pick<RepositoryContents, 'blobs' | 'manifests'>,
): Promise<Links> {
  if (looksAtMany(driver)) {
    try {
      return await newLinks(driver, repository, known);
    } catch (error) {
      if (!(error instanceof InvalidPathError)) throw error; // some other program's, which is no path here
    }
  }
  return gatherLinks(driver, repository);
}

type DriverOfMany = StorageDriver & Required<Pick<StorageDriver, 'gather' | 'listAll'>>;

function looksAtMany(driver: StorageDriver): driver is DriverOfMany {
  return driver.gather !== undefined && driver.listAll !== undefined;
}

async function newLinks(
  driver: DriverOfMany,
  repository: RepositoryName,
  known: Pick<RepositoryContents, 'blobs' | 'manifests'>,
): Promise<Links> {
  const listed = new ListedNames((path) => driver.listAll([path]));
  const names = await listed.names(layout.tagsPath(repository));
  const tags = names.flatMap((name) => findTag(name) ?? []);
  const layers = await digestsBelow(listed, layout.layersPath(repository));
  const revisions = await digestsBelow(listed, layout.revisionsPath(repository));
  const revisionPath = (digest: Digest) => layout.revisionLinkPath(repository, digest);
  const unread = [
    ...tags.map((tag) => layout.tagLinkPath(repository, tag)),
    ...revisions.filter((digest) => !known.manifests.has(digest)).map(revisionPath),
    ...layers
      .filter((digest) => !known.blobs.has(digest))
      .map((digest) => layout.layerLinkPath(repository, digest)),
  ];
  const believed = revisions.filter((digest) => known.manifests.has(digest)).map(revisionPath);
  const files = await Promise.all([
    driver.gather(unread, { readUpTo: MAX_LINK_BYTES }),
    driver.gather(believed, { readUpTo: 0 }),
  ]);
  return new NamedLinks(listed, new ListedLinks(driver, files.flat()));
}

/** What is below directories, each of which is looked at once. */
class ListedNames implements Pick<Links, 'names'> {
  readonly #list: (path: StoragePath) => Promise<readonly (readonly string[])[]>;
  readonly #known = new Map<StoragePath, readonly string[]>();

  constructor(list: (path: StoragePath) => Promise<readonly (readonly string[])[]>) {
    this.#list = list;
  }

  find(path: StoragePath): readonly string[] | undefined {
    return this.#known.get(path);
  }

  async names(path: StoragePath): Promise<readonly string[]> {
    const known = this.find(path);
    if (known) return known;
    const [names = []] = await this.#list(path);
    this.#known.set(path, names);
    return names;
  }
}

/** Links of which more names are known than what is in them. */
class NamedLinks implements Links {
  readonly #names: ListedNames;
  readonly #links: ListedLinks;

  constructor(names: ListedNames, links: ListedLinks) {
    this.#names = names;
    this.#links = links;
  }

  async names(path: StoragePath): Promise<readonly string[]> {
    return this.#names.find(path) ?? this.#links.names(path);
  }

  read(path: StoragePath, named?: Digest): Promise<Link | 'unreadable' | undefined> {
    return this.#links.read(path, named);
  }
}
