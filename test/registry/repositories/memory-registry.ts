import { createHash, randomUUID } from 'node:crypto';
import { Blobs } from '../../../src/content/index.js';
import { type MetadataIndex, SqliteIndex } from '../../../src/index/index.js';
import type { Locks } from '../../../src/locks/index.js';
import { type Digest, digestOf, MEDIA_TYPES, type RepositoryName } from '../../../src/oci/index.js';
import type { RetentionRule } from '../../../src/registry/gc/index.js';
import {
  Catalog,
  IndexSync,
  type ManifestRules,
  type QuotaRule,
  RepositoryBlobs,
  RepositoryLocks,
  RepositoryManifests,
  Trash,
} from '../../../src/registry/repositories/index.js';
import {
  type GatheredFile,
  MemoryDriver,
  type StorageDriver,
  type StoragePath,
  type WalkedFile,
} from '../../../src/storage/index.js';

export type MemoryRegistry = ReturnType<typeof openMemoryRegistry>;

export const RULES: ManifestRules = {
  indexPlatforms: 'all',
  blobs: 'required',
  urls: { allow: [], deny: [] },
  isImmutable: () => false,
};

/** A store that lists everything below a directory, as those do that have no directories. */
export class WalkingDriver extends MemoryDriver {
  /** Files that were asked for one by one. */
  asked: StoragePath[] = [];

  override stat(path: StoragePath) {
    this.asked.push(path);
    return super.stat(path);
  }

  override read(path: StoragePath) {
    this.asked.push(path);
    return super.read(path);
  }

  async *walk(path: StoragePath): AsyncGenerator<WalkedFile> {
    const names = await Array.fromAsync(super.list(path));
    // In the order of the paths: `a-b/c` before `a/c`.
    names.sort((a, b) => (a.name + (a.directory ? '/' : '') < b.name + (b.directory ? '/' : '') ? -1 : 1));
    for (const { name, directory } of names) {
      const inner = `${path}/${name}`;
      if (directory) yield* this.walk(inner);
      else {
        const [info, bytes] = await Promise.all([super.stat(inner), super.read(inner)]);
        const md5 = createHash('md5').update(bytes).digest('hex');
        yield { path: inner, size: bytes.length, modifiedAt: info?.modifiedAt ?? new Date(0), md5 };
      }
    }
  }
}

/** A store that looks at many files at once, as a disk does. */
export class GatheringDriver extends MemoryDriver {
  async gather(paths: readonly StoragePath[], options: { readUpTo: number }): Promise<GatheredFile[]> {
    const { readUpTo } = options;
    const files = await Promise.all(
      paths.map(async (path): Promise<GatheredFile[]> => {
        const info = await this.stat(path);
        if (info === undefined) return [];
        if (info.directory) {
          const below = await Array.fromAsync(this.list(path), ({ name }) => `${path}/${name}`);
          return this.gather(below, options);
        }
        const { size, modifiedAt } = info;
        return [{ path, size, modifiedAt, ...(size <= readUpTo ? { bytes: await this.read(path) } : {}) }];
      }),
    );
    return files.flat();
  }

  listAll(paths: readonly StoragePath[]): Promise<string[][]> {
    return Promise.all(paths.map((path) => Array.fromAsync(this.list(path), ({ name }) => name)));
  }
}

/** Repositories with nothing on a disk. @param given `now` is its clock. */
export function openMemoryRegistry(
  given: {
    driver?: StorageDriver;
    index?: MetadataIndex;
    now?: () => Date;
    trash?: boolean | 'keeps nothing';
    /** Others serve the same. */
    shared?: boolean;
    rules?: ManifestRules;
    retention?: readonly RetentionRule[];
    quotas?: readonly QuotaRule[];
    locks?: Locks;
  } = {},
) {
  const {
    driver = new MemoryDriver(),
    index = new SqliteIndex(':memory:'),
    now = () => new Date(1000),
    shared = false,
  } = given;
  const content = new Blobs(driver);
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const sync = new IndexSync({ driver, blobs: content }, index, log, { shared });
  const trash = given.trash ? new Trash(driver, index, { keeps: given.trash === true }) : undefined;
  const store = { driver, blobs: content, index, sync, trash, locks: new RepositoryLocks(given.locks), now };
  return {
    driver,
    index,
    sync,
    content,
    store,
    blobs: new RepositoryBlobs(store, given.quotas),
    manifests: new RepositoryManifests(store, given.rules ?? RULES),
    catalog: new Catalog(store),
    retention: given.retention ?? [],
  };
}

/** @param as by which other algorithm the client names it. */
export async function pushBlob(
  { driver, blobs }: Pick<MemoryRegistry, 'driver' | 'blobs'>,
  repository: RepositoryName,
  text: string,
  as: Digest = digest(text),
): Promise<Digest> {
  const path = `/upload-${randomUUID()}`;
  await driver.publish([{ path, bytes: Buffer.from(text) }]);
  await blobs.publish(repository, as, { canonical: digest(text), size: text.length, path });
  return as;
}

export function imageOf(config: string, layers: readonly string[], more: object = {}): Buffer {
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.ociManifest,
      config: { ...descriptorOf(config), mediaType: MEDIA_TYPES.ociConfig },
      layers: layers.map(descriptorOf),
      ...more,
    }),
  );
}

export function indexOf(manifests: readonly Digest[], more: object = {}): Buffer {
  const children = manifests.map((child) => ({ mediaType: MEDIA_TYPES.ociManifest, digest: child, size: 1 }));
  return Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests: children, ...more }),
  );
}

export function digest(text: string | Buffer, algorithm: 'sha256' | 'sha512' = 'sha256'): Digest {
  return digestOf(algorithm, createHash(algorithm).update(text).digest('hex'));
}

function descriptorOf(text: string) {
  return { mediaType: 'text/x', digest: digest(text), size: text.length };
}
