import { createHash } from 'node:crypto';
import { ContentNotFoundError, layout } from '../../content/index.js';
import {
  algorithmOf,
  type Digest,
  findDigest,
  isHashAlgorithm,
  type RepositoryName,
} from '../../oci/index.js';
import {
  type GatheredFile,
  PathNotFoundError,
  type StorageDriver,
  type StoragePath,
} from '../../storage/index.js';

/** A file that holds nothing but a digest. */
export type Link = Readonly<{ target: Digest; modifiedAt: Date }>;

/** The links of a repository, as they are in the files. */
export interface Links {
  /** Directly below a directory. Nothing when it does not exist. */
  names(path: StoragePath): Promise<readonly string[]>;
  /**
   * @param named the digest that the path names, if it names one.
   * @returns `unreadable` for one that is empty or cut, as after a crash of an older registry; `undefined` when absent.
   */
  read(path: StoragePath, named?: Digest): Promise<Link | 'unreadable' | undefined>;
}

/** Whether there is a link named by `digest`. What cannot be verified was never taken, and may be no name for a file. */
export async function hasLink(driver: StorageDriver, path: StoragePath, digest: Digest): Promise<boolean> {
  return isHashAlgorithm(algorithmOf(digest)) && (await driver.stat(path)) !== undefined;
}

/** @returns what is cheapest to ask where they are. */
export async function linksOf(driver: StorageDriver, repository: RepositoryName): Promise<Links> {
  if (!driver.walk) return new StoredLinks(driver);
  const { walk } = driver;
  const folders = [layout.layersPath(repository), layout.manifestsPath(repository)];
  const files = await Promise.all(folders.map((folder) => Array.fromAsync(walk.call(driver, folder))));
  return new ListedLinks(driver, files.flat());
}

/** A link has as many bytes as a digest, and perhaps the end of a line. */
export const MAX_LINK_BYTES = 512;

/** The same, all read at once where the store knows how to look at many files: for whoever has many repositories to look at. */
export async function gatherLinks(driver: StorageDriver, repository: RepositoryName): Promise<Links> {
  if (!driver.gather) return linksOf(driver, repository);
  const folders = [layout.layersPath(repository), layout.manifestsPath(repository)];
  return new ListedLinks(driver, await driver.gather(folders, { readUpTo: MAX_LINK_BYTES }));
}

/** Each is read where it lies. */
class StoredLinks implements Links {
  readonly #driver: StorageDriver;

  constructor(driver: StorageDriver) {
    this.#driver = driver;
  }

  async names(path: StoragePath): Promise<readonly string[]> {
    return Array.fromAsync(this.#driver.list(path), ({ name }) => name);
  }

  async read(path: StoragePath): Promise<Link | 'unreadable' | undefined> {
    const [bytes, info] = await Promise.all([
      absentAsUndefined(this.#driver.read(path)),
      this.#driver.stat(path),
    ]);
    const target = bytes && findDigest(textOf(bytes));
    if (bytes && target === undefined) return 'unreadable';
    return target && info && { target, modifiedAt: info.modifiedAt };
  }
}

/**
 * From a list of all files. Those without their bytes come from stores where files that were not whole are never seen, and
 * hardly any is read: a link that is named by a sha256 digest holds that digest, and what a tag names is told by the MD5 of
 * its link.
 */
export class ListedLinks implements Links {
  readonly #driver: StorageDriver;
  readonly #files: ReadonlyMap<StoragePath, GatheredFile>;
  readonly #names = new Map<StoragePath, Set<string>>();
  readonly #digestsByMd5 = new Map<string, Digest>();

  constructor(driver: StorageDriver, files: readonly GatheredFile[]) {
    this.#driver = driver;
    this.#files = new Map(files.map((file) => [file.path, file]));
    for (const { path, bytes } of files) {
      this.#addNames(path);
      if (bytes) continue;
      const [, encoded] = /\/_manifests\/revisions\/sha256\/([0-9a-f]{64})\/link$/.exec(path) ?? [];
      const digest = encoded && findDigest(`sha256:${encoded}`);
      if (digest) this.#digestsByMd5.set(createHash('md5').update(digest).digest('hex'), digest);
    }
  }

  async names(path: StoragePath): Promise<readonly string[]> {
    return [...(this.#names.get(path) ?? [])];
  }

  async read(path: StoragePath, named?: Digest): Promise<Link | 'unreadable' | undefined> {
    const file = this.#files.get(path);
    if (file === undefined) return undefined;
    const target = file.bytes
      ? findDigest(textOf(file.bytes))
      : (this.#targetOf(file, named) ?? findDigest(await this.#read(path)));
    return target === undefined ? 'unreadable' : { target, modifiedAt: file.modifiedAt };
  }

  #targetOf({ size, md5 }: GatheredFile, named: Digest | undefined): Digest | undefined {
    if (named?.startsWith('sha256:') && size === named.length) return named;
    return md5 === undefined ? undefined : this.#digestsByMd5.get(md5);
  }

  async #read(path: StoragePath): Promise<string> {
    return textOf((await absentAsUndefined(this.#driver.read(path))) ?? new Uint8Array());
  }

  #addNames(path: StoragePath): void {
    for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) {
      const [folder, name = ''] = [path.slice(0, at), path.slice(at + 1).split('/', 1)[0]];
      const known = this.#names.get(folder);
      if (known?.has(name)) return;
      if (known) known.add(name);
      else this.#names.set(folder, new Set([name]));
      if (folder.endsWith('/_layers') || folder.endsWith('/_manifests')) return;
    }
  }
}

const ALGORITHM = /^[a-z0-9]+(?:[+._-][a-z0-9]+)*$/;

export async function digestsBelow(links: Pick<Links, 'names'>, path: StoragePath): Promise<Digest[]> {
  const digests: Digest[] = [];
  for (const algorithm of await links.names(path)) {
    if (!ALGORITHM.test(algorithm)) continue; // `@eaDir` and the like
    for (const name of await links.names(`${path}/${algorithm}`)) {
      const digest = findDigest(`${algorithm}:${name}`);
      if (digest !== undefined) digests.push(digest);
    }
  }
  return digests;
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8').trim();
}

export async function absentAsUndefined<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof PathNotFoundError || error instanceof ContentNotFoundError) return undefined;
    throw error;
  }
}
