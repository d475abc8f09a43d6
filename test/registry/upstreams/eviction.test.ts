import { tmpdir } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HashPool, Uploads } from '../../../src/content/index.js';
import type { StoredManifest } from '../../../src/index/index.js';
import { LocalLocks } from '../../../src/locks/index.js';
import type { Digest, RepositoryName } from '../../../src/oci/index.js';
import { PullTimes, RepositoryLocks } from '../../../src/registry/repositories/index.js';
import {
  Eviction,
  Origins,
  PullThroughCache,
  type Upstream,
  type UpstreamBlob,
} from '../../../src/registry/upstreams/index.js';
import { MemoryDriver } from '../../../src/storage/index.js';
import { digest, imageOf, indexOf, openMemoryRegistry, pushBlob } from '../repositories/memory-registry.js';

const HOUR_MS = 3_600_000;
const APP = 'up/app' as RepositoryName;
const OTHER = 'up/other' as RepositoryName;
const OWN = 'up/own' as RepositoryName;
const LOG = { debug() {}, info() {}, warn() {}, error() {} };

let time: number;
let registry: ReturnType<typeof openMemoryRegistry>;
let origins: Origins;
let pulls: PullTimes;
let pool: HashPool;
const content = new Map<string, Buffer>();

beforeEach(() => {
  time = Date.now() + HOUR_MS; // the index knows of pulls since it was made
  const now = () => new Date(time);
  registry = openMemoryRegistry({ now, trash: true, driver: new MemoryDriver(now) });
  origins = new Origins(registry.store);
  pulls = new PullTimes(registry.index, LOG, { now, remember: true });
  pool = new HashPool();
});

afterEach(async () => {
  await pulls[Symbol.asyncDispose]();
  await pool[Symbol.asyncDispose]();
});

/** Has whatever is in `content`. */
const upstream: Upstream = {
  host: 'up.example',
  resolve: async () => undefined,
  manifest: async (_repository, key): Promise<StoredManifest | undefined> => {
    const bytes = 'digest' in key ? content.get(key.digest) : undefined;
    return bytes && { digest: digest(bytes), mediaType: JSON.parse(String(bytes)).mediaType, bytes };
  },
  stat: async (_repository, name) => {
    const bytes = content.get(name);
    return bytes && { size: bytes.length };
  },
  blob: async (_repository, name): Promise<UpstreamBlob | undefined> => {
    const bytes = content.get(name);
    return (
      bytes && {
        size: bytes.length,
        bytes: (async function* () {
          yield Buffer.from(bytes);
        })(),
      }
    );
  },
  tags: async () => [],
  referrers: async () => [],
};

function openCache(bounds: { ttl?: number; maxBytes?: number }): PullThroughCache {
  const rule = {
    upstream,
    prefix: 'up',
    inner: [],
    namespaces: [],
    recheck: 0,
    ttl: 0,
    maxBytes: undefined,
    ...bounds,
  };
  const uploads = new Uploads(registry.driver, pool);
  const { store, blobs } = registry;
  const signal = new AbortController().signal;
  return new PullThroughCache(rule, {
    store,
    blobs,
    uploads,
    origins,
    folder: tmpdir(),
    shared: undefined,
    observer: undefined,
    log: LOG,
    signal,
  });
}

type Offer = Readonly<{ digest: Digest; config: string; layer: string }>;

/** Puts an image there that no other shares anything with. */
function offer(name: string, layerBytes = 1000): Offer {
  const [config, layer] = [`config of ${name}`, name.padEnd(layerBytes, '.')];
  const manifest = imageOf(config, [layer]);
  for (const bytes of [manifest, Buffer.from(config), Buffer.from(layer)]) content.set(digest(bytes), bytes);
  return { digest: digest(manifest), config, layer };
}

async function pull(
  cache: PullThroughCache,
  repository: RepositoryName,
  image: Offer,
  { takes = HOUR_MS } = {},
) {
  time += takes;
  await cache.manifests.get(repository, { digest: image.digest });
  pulls.record(repository, { digest: image.digest });
  for (const text of [image.config, image.layer])
    await (await cache.blobs.fetch(repository, digest(text)))?.done;
}

async function evict(cache: PullThroughCache, { after = HOUR_MS } = {}) {
  await registry.sync.run();
  time += after;
  return new Eviction({ ...registry, origins, pulls }).run(cache, await registry.index.allRepositories());
}

async function isHere(repository: RepositoryName, image: Offer): Promise<boolean[]> {
  const manifest = await registry.manifests.find(repository, { digest: image.digest });
  const bytes = await registry.content.stat(digest(image.layer));
  return [
    manifest !== undefined,
    await registry.blobs.has(repository, digest(image.layer)),
    bytes !== undefined,
  ];
}
const HERE = [true, true, true];
const GONE = [false, false, false];

describe('copies with a bound', () => {
  it('go one by one also when all of them just came', async () => {
    const cache = openCache({ maxBytes: 2500 });
    const images = ['a', 'b', 'c'].map((name) => offer(name));
    for (const image of images) await pull(cache, APP, image, { takes: 1000 });
    expect(await evict(cache, { after: 0 })).toMatchObject({ manifests: 1 });
    const here = await Promise.all(images.map((image) => isHere(APP, image)));
    expect(here).toEqual([GONE, HERE, HERE]);
  });

  it('go when they were not asked for longest, until the rest fits', async () => {
    const cache = openCache({ maxBytes: 2500 });
    const [a, b, c] = ['a', 'b', 'c'].map((name) => offer(name)) as [Offer, Offer, Offer];
    await pull(cache, APP, a);
    await pull(cache, OTHER, b);
    await pull(cache, APP, c);
    await pull(cache, APP, a); // used again
    expect(await evict(cache)).toMatchObject({ manifests: 1 });
    expect([await isHere(APP, a), await isHere(OTHER, b), await isHere(APP, c)]).toEqual([HERE, GONE, HERE]);
    expect(await evict(cache)).toEqual({ manifests: 0, bytes: 0 });
    await pull(cache, OTHER, b); // comes back
    expect(await isHere(OTHER, b)).toEqual(HERE);
  });

  it('stay when somebody asks for them while others are given up', async () => {
    const cache = openCache({ maxBytes: 2500 });
    const images = ['a', 'b', 'c', 'd'].map((name) => offer(name)) as [Offer, Offer, Offer, Offer];
    for (const image of images) await pull(cache, APP, image);
    const [, b] = images;
    const { index } = registry;
    const drop = index.dropManifests.bind(index);
    index.dropManifests = async (...args) => {
      pulls.record(APP, { digest: b.digest });
      return drop(...args);
    };
    expect(await evict(cache)).toMatchObject({ manifests: 2 });
    const here = await Promise.all(images.map((image) => isHere(APP, image)));
    expect(here).toEqual([GONE, HERE, GONE, HERE]);
  });

  it('go first where no manifest names them', async () => {
    const cache = openCache({ maxBytes: 2500 });
    const [whole, loose] = [offer('whole'), offer('loose', 2000)];
    await pull(cache, APP, whole);
    await (await cache.blobs.fetch(APP, digest(loose.layer)))?.done;
    expect(await evict(cache, { after: 1000 })).toEqual({ manifests: 0, bytes: 2000 });
    expect([await isHere(APP, whole), await isHere(APP, loose)]).toEqual([HERE, GONE]);
  });

  it('stay as long as somebody asks for the index that names them', async () => {
    const cache = openCache({ ttl: 10 * HOUR_MS });
    const [a, b] = [offer('a'), offer('b')];
    const both = indexOf([a.digest]);
    content.set(digest(both), both);
    await pull(cache, APP, a);
    await pull(cache, APP, b);
    await cache.manifests.get(APP, { digest: digest(both) });
    time += 9 * HOUR_MS;
    pulls.record(APP, { digest: digest(both) });
    time += 9 * HOUR_MS;
    await evict(cache);
    expect([await isHere(APP, a), await isHere(APP, b)]).toEqual([HERE, GONE]);
  });

  it('go when nobody has asked for them for so long', async () => {
    const cache = openCache({ ttl: 10 * HOUR_MS });
    const [a, b] = [offer('a'), offer('b')];
    await pull(cache, APP, a);
    await pull(cache, APP, b);
    time += 5 * HOUR_MS;
    await pull(cache, APP, a);
    time += 5 * HOUR_MS;
    await evict(cache);
    expect([await isHere(APP, a), await isHere(APP, b)]).toEqual([HERE, GONE]);
  });

  it('are looked for once where no other process could make any', async () => {
    expect(await origins.isCopy(APP)).toBe(false);
    await new Origins(registry.store).claim(APP);
    expect(await origins.isCopy(APP)).toBe(false);
  });

  it('are known to be that also when another process made them so', async () => {
    const shared = new Origins({ ...registry.store, locks: new RepositoryLocks(new LocalLocks()) });
    expect(await shared.isCopy(APP)).toBe(false);
    await new Origins(registry.store).claim(APP);
    expect(await shared.isCopy(APP)).toBe(true);
  });

  it('are not looked for again and again among what other processes share', async () => {
    await pushBlob(registry, OWN, 'pushed');
    let asked = 0;
    const stat = (path: string) => {
      asked += 1;
      return registry.driver.stat(path);
    };
    const driver = Object.assign(Object.create(registry.driver), { stat });
    const locks = new RepositoryLocks(new LocalLocks());
    const shared = new Origins({ ...registry.store, driver, locks });
    const look = () => shared.copiesAmong([OWN]);
    for (let i = 0; i < 3; i++) expect(await look()).toEqual([]);
    expect(asked).toBe(1);
    await registry.blobs.delete(OWN, digest('pushed'));
    await new Origins(registry.store).claim(OWN);
    time += 60_000;
    expect(await look()).toEqual([OWN]);
    time += 60_000;
    expect(await look()).toEqual([OWN]);
    expect(asked).toBe(2);
  });

  it('leave alone what was pushed, and what others share with them', async () => {
    const own = offer('own');
    for (const text of [own.config, own.layer]) await pushBlob(registry, OWN, text);
    await registry.manifests.put(OWN, {
      bytes: content.get(own.digest) ?? Buffer.alloc(0),
      contentType: '',
      tags: [],
    });
    const cache = openCache({ ttl: HOUR_MS, maxBytes: 1 });
    const later = offer('later');
    await pull(cache, OWN, later); // below the prefix, but it was here first
    await pull(cache, APP, own);
    time += 100 * HOUR_MS;
    await evict(cache);
    expect([await isHere(OWN, own), await isHere(OWN, later)]).toEqual([HERE, HERE]);
    expect(await isHere(APP, own)).toEqual([false, false, true]);
  });
});
