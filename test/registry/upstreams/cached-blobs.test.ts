import { afterEach, beforeEach, expect, it } from 'vitest';
import { HashPool, Uploads } from '../../../src/content/index.js';
import { LocalLocks } from '../../../src/locks/index.js';
import type { RepositoryName } from '../../../src/oci/index.js';
import { CachedBlobs } from '../../../src/registry/upstreams/cached-blobs.js';
import { GrowingFile } from '../../../src/registry/upstreams/growing-file.js';
import { type BlobFetch, Origins, type Upstream } from '../../../src/registry/upstreams/index.js';
import { SharedFetches } from '../../../src/registry/upstreams/shared-fetches.js';
import { StorageUnavailableError } from '../../../src/storage/index.js';
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.js';
import { digest, openMemoryRegistry } from '../repositories/memory-registry.js';

const APP = 'up/app' as RepositoryName;
const LOG = { debug() {}, info() {}, warn() {}, error() {} };

let folder: TemporaryFolder;
let pool: HashPool;

beforeEach(async () => {
  folder = await temporaryFolder();
  pool = new HashPool();
});
afterEach(async () => {
  await pool[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

function open(
  upstream: Pick<Upstream, 'blob'>,
  shared = new SharedFetches(new LocalLocks(), folder.path),
): CachedBlobs {
  const { store, blobs, driver } = openMemoryRegistry();
  return new CachedBlobs({
    upstream: upstream as Upstream,
    remoteName: (repository) => repository,
    isCopy: () => true,
    blobs,
    uploads: new Uploads(driver, pool),
    origins: new Origins(store),
    folder: folder.path,
    shared,
    observer: undefined,
    onStored: () => {},
    log: LOG,
    signal: new AbortController().signal,
  });
}

async function textOf(fetch: BlobFetch | undefined): Promise<string> {
  await using reader = fetch?.open({ start: 0, end: 5 });
  const bytes = Buffer.alloc(5);
  for (let at = 0; at < 5; ) at += (await reader?.read(bytes.subarray(at))) ?? 5;
  return bytes.toString();
}

it('what came wrong is fetched anew for who asks again as soon as it is told', async () => {
  const answers = ['wrong', 'right'];
  const blobs = open({
    blob: async () => ({
      size: 5,
      bytes: (async function* () {
        yield Buffer.from(answers.shift() ?? '');
      })(),
    }),
  });
  await expect(textOf(await blobs.fetch(APP, digest('right')))).rejects.toThrow('something else');
  expect(await textOf(await blobs.fetch(APP, digest('right')))).toBe('right');
  await blobs.settle();
});

it('is a failure of the storage, not of who asks, where the file of another process has other bytes', async () => {
  const shared = new SharedFetches(new LocalLocks(), folder.path);
  const { lease } = await shared.join(`${APP} ${digest('hello')}`, new AbortController().signal);
  const file = await GrowingFile.create(folder.path, lease?.fileName(5));
  await file.append(Buffer.from('hallo'));
  const fetch = await open({ blob: async () => undefined }, shared).fetch(APP, digest('hello'));
  await file.end();
  lease?.[Symbol.dispose]();
  await expect(fetch?.done).rejects.toThrow(StorageUnavailableError);
});
