import { afterEach, beforeEach, expect, it } from 'vitest';
import { HashPool, Uploads } from '../../../src/content/index.js';
import { LocalLocks } from '../../../src/locks/index.js';
import type { RepositoryName } from '../../../src/oci/index.js';
import { CachedBlobs } from '../../../src/registry/upstreams/cached-blobs.js';
import { type BlobFetch, Origins, type Upstream } from '../../../src/registry/upstreams/index.js';
import { SharedFetches } from '../../../src/registry/upstreams/shared-fetches.js';
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

function open(upstream: Pick<Upstream, 'blob'>): CachedBlobs {
  const { store, blobs, driver } = openMemoryRegistry();
  return new CachedBlobs({
    upstream: upstream as Upstream,
    remoteName: (repository) => repository,
    isCopy: () => true,
    blobs,
    uploads: new Uploads(driver, pool),
    origins: new Origins(store),
    folder: folder.path,
    shared: new SharedFetches(new LocalLocks(), folder.path),
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
