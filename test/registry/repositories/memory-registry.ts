import { createHash } from 'node:crypto';
import { Blobs } from '../../../src/content/index.js';
import { type MetadataIndex, SqliteIndex } from '../../../src/index/index.js';
import { type Digest, digestOf, MEDIA_TYPES, type RepositoryName } from '../../../src/oci/index.js';
import {
  Catalog,
  IndexSync,
  type ManifestRules,
  RepositoryBlobs,
  RepositoryLocks,
  RepositoryManifests,
  Trash,
} from '../../../src/registry/repositories/index.js';
import { MemoryDriver, type StorageDriver } from '../../../src/storage/index.js';

export type MemoryRegistry = ReturnType<typeof openMemoryRegistry>;

const RULES: ManifestRules = { indexPlatforms: 'all', blobs: 'required', urls: { allow: [], deny: [] } };

/** Repositories with nothing on a disk. @param given `now` is its clock. */
export function openMemoryRegistry(
  given: {
    driver?: StorageDriver;
    index?: MetadataIndex;
    now?: () => Date;
    trash?: boolean;
    rules?: ManifestRules;
  } = {},
) {
  const {
    driver = new MemoryDriver(),
    index = new SqliteIndex(':memory:'),
    now = () => new Date(1000),
  } = given;
  const content = new Blobs(driver);
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const sync = new IndexSync({ driver, blobs: content }, index, log);
  const trash = given.trash ? new Trash(driver, index) : undefined;
  const store = { driver, blobs: content, index, sync, trash, locks: new RepositoryLocks(), now };
  return {
    driver,
    index,
    sync,
    content,
    store,
    blobs: new RepositoryBlobs(store),
    manifests: new RepositoryManifests(store, given.rules ?? RULES),
    catalog: new Catalog(store),
  };
}

/** @param as by which other algorithm the client names it. */
export async function pushBlob(
  { driver, blobs }: Pick<MemoryRegistry, 'driver' | 'blobs'>,
  repository: RepositoryName,
  text: string,
  as: Digest = digest(text),
): Promise<Digest> {
  const path = `/upload-${text}`;
  await driver.publish([{ path, bytes: Buffer.from(text) }]);
  await blobs.publish(repository, as, { canonical: digest(text), size: text.length, path });
  return as;
}

export function imageOf(config: string, layers: readonly string[], more: object = {}): Buffer {
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.ociManifest,
      config: descriptorOf(config),
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
