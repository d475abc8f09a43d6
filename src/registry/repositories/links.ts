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
  PathNotFoundError,
  type StorageDriver,
  type StoragePath,
  type WalkedFile,
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
    const target = bytes && findDigest(bytes.toString('utf8').trim());
    if (bytes && target === undefined) return 'unreadable';
    return target && info && { target, modifiedAt: info.modifiedAt };
  }
}

/**
 * From a list of all files: hardly any is read. A link that is named by a sha256 digest holds that digest, and files that
 * were not whole are never seen in the stores that have such lists. What a tag names is told by the MD5 of its link.
 */
export class ListedLinks implements Links {
  readonly #driver: StorageDriver;
  readonly #files: ReadonlyMap<StoragePath, WalkedFile>;
  readonly #names = new Map<StoragePath, Set<string>>();
  readonly #digestsByMd5 = new Map<string, Digest>();

  constructor(driver: StorageDriver, files: readonly WalkedFile[]) {
    this.#driver = driver;
    this.#files = new Map(files.map((file) => [file.path, file]));
    for (const { path } of files) {
      this.#addNames(path);
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
    const target = this.#targetOf(file, named) ?? findDigest(await this.#textOf(path));
    return target === undefined ? 'unreadable' : { target, modifiedAt: file.modifiedAt };
  }

  #targetOf({ size, md5 }: WalkedFile, named: Digest | undefined): Digest | undefined {
    if (named?.startsWith('sha256:') && size === named.length) return named;
    return md5 === undefined ? undefined : this.#digestsByMd5.get(md5);
  }

  async #textOf(path: StoragePath): Promise<string> {
    const bytes = await absentAsUndefined(this.#driver.read(path));
    return bytes?.toString('utf8').trim() ?? '';
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

export async function absentAsUndefined<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof PathNotFoundError || error instanceof ContentNotFoundError) return undefined;
    throw error;
  }
}
