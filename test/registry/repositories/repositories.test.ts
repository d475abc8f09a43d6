import { describe, expect, it } from 'vitest';
import { layout } from '../../../src/content/index.js';
import { type MetadataIndex, SqliteIndex } from '../../../src/index/index.js';
import { LocalLocks } from '../../../src/locks/index.js';
import {
  type Digest,
  MEDIA_TYPES,
  parseDigest,
  parseRepositoryName,
  parseTag,
  type RepositoryName,
} from '../../../src/oci/index.js';
import { MemoryDriver } from '../../../src/storage/index.js';
import {
  digest,
  GatheringDriver,
  imageOf,
  type MemoryRegistry,
  openMemoryRegistry,
  pushBlob,
  RULES,
  WalkingDriver,
} from './memory-registry.js';

const app = parseRepositoryName('team/app');
const v1 = parseTag('v1');
const everyone = () => true;

/** Nothing comes of a delete: its server is gone. */
class DyingDriver extends MemoryDriver {
  readonly deleting = Promise.withResolvers<void>();

  override delete(): Promise<void> {
    this.deleting.resolve();
    return new Promise(() => {});
  }
}

describe('repositories', () => {
  it('show a blob only where it was linked', async () => {
    const registry = openMemoryRegistry();
    await pushBlob(registry, app, 'layer');
    expect(await registry.blobs.get(app, digest('layer'))).toMatchObject({ size: 5 });
    const other = parseRepositoryName('other');
    await expect(registry.blobs.get(other, digest('layer'))).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' });
    expect(await registry.blobs.mount(app, other, digest('layer'))).toMatchObject({ size: 5 });
    expect(await registry.blobs.get(other, digest('layer'))).toMatchObject({ size: 5 });
  });

  it('delete what a server that died while it took a push has left, too', async () => {
    const registry = openMemoryRegistry();
    await pushBlob(registry, app, 'first');
    const { driver } = registry;
    const image = await pushImage(openMemoryRegistry({ driver })); // of which the index of the first knows nothing
    await expect(registry.manifests.delete(app, { tag: parseTag('v9') })).rejects.toThrow('has no tag v9');
    await registry.manifests.delete(app, { tag: v1 });
    await registry.manifests.delete(app, { digest: image });
    await registry.blobs.delete(app, digest('layer'));
    for (const path of [layout.tagLinkPath(app, v1), layout.revisionLinkPath(app, image)])
      expect(await driver.stat(path)).toBeUndefined();
    expect(await driver.stat(layout.layerLinkPath(app, digest('layer')))).toBeUndefined();
  });

  it('show no blob whose link a server that died was removing, since others go on', async () => {
    const [driver, index] = [new DyingDriver(), new SqliteIndex(':memory:')];
    const dying = openMemoryRegistry({ driver, index, locks: new LocalLocks() });
    await pushBlob(dying, app, 'layer');
    void dying.blobs.delete(app, digest('layer'));
    await driver.deleting.promise;
    expect(await index.findBlob(app, digest('layer'))).toBeUndefined();
  });

  it('have nothing by a digest that nobody can verify', async () => {
    const { blobs, manifests } = openMemoryRegistry();
    const odd = parseDigest('sha256+a.b_c:aaaa');
    await expect(blobs.delete(app, odd)).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' });
    await expect(manifests.delete(app, { digest: odd })).rejects.toMatchObject({ code: 'MANIFEST_UNKNOWN' });
  });

  it('write links as the reference registry does', async () => {
    const registry = openMemoryRegistry();
    const image = await pushImage(registry);
    const read = async (path: string) => (await registry.driver.read(path)).toString();
    expect(await read(layout.layerLinkPath(app, digest('layer')))).toBe(digest('layer'));
    expect(await read(layout.revisionLinkPath(app, image))).toBe(image);
    expect(await read(layout.tagLinkPath(app, v1))).toBe(image);
    expect(await read(layout.tagHistoryLinkPath(app, v1, image))).toBe(image);
  });

  it('name everything that a manifest misses', async () => {
    const { manifests } = openMemoryRegistry();
    const failure = await manifests
      .put(app, { bytes: imageOf('config', ['one']), contentType: '', tags: [v1] })
      .catch((e) => e);
    expect(failure.errors.map((error: { code: string; detail: object }) => error)).toMatchObject([
      { code: 'MANIFEST_BLOB_UNKNOWN', detail: { digest: digest('config') } },
      { code: 'MANIFEST_BLOB_UNKNOWN', detail: { digest: digest('one') } },
    ]);
  });

  it('disappear, for other registries too, once nothing is left in them', async () => {
    const registry = openMemoryRegistry();
    const image = await pushImage(registry);
    await registry.manifests.delete(app, { digest: image });
    expect((await registry.catalog.repositories({ limit: 9 }, everyone)).items).toEqual([]);
    await expect(registry.catalog.tags(app, { limit: 9 })).rejects.toMatchObject({ code: 'NAME_UNKNOWN' });
    expect(await registry.driver.stat(layout.manifestsPath(app))).toBeUndefined();
  });

  it('keep a manifest whose tag was deleted', async () => {
    const registry = openMemoryRegistry();
    const image = await pushImage(registry);
    await registry.manifests.delete(app, { tag: v1 });
    await expect(registry.manifests.get(app, { tag: v1 })).rejects.toMatchObject({
      code: 'MANIFEST_UNKNOWN',
    });
    expect((await registry.manifests.get(app, { digest: image })).digest).toBe(image);
  });

  it('keep immutable tags on what they name, and let other tags move', async () => {
    const isImmutable = (_: string, tag: string) => tag === 'v1';
    const registry = openMemoryRegistry({ rules: { ...RULES, isImmutable } });
    const image = await pushImage(registry);
    await expect(pushImage(registry, 'other')).rejects.toMatchObject({ code: 'DENIED' });
    for (const key of [{ tag: v1 }, { digest: image }])
      await expect(registry.manifests.delete(app, key)).rejects.toMatchObject({ code: 'DENIED' });
    expect(await pushImage(registry)).toBe(image);
    expect((await registry.manifests.get(app, { tag: v1 })).digest).toBe(image);
    const v2 = parseTag('v2');
    for (const layer of ['layer', 'other']) await pushImage(registry, layer, v2);
    await registry.manifests.delete(app, { tag: v2 });
  });

  it('finish a delete that a crash interrupted', async () => {
    const registry = openMemoryRegistry();
    const image = await pushImage(registry);
    await registry.index.beginDeletes(app, [{ digest: image }], new Date(Date.now() + 1000));
    await registry.driver.delete(layout.tagPath(app, v1));
    await registry.manifests.resumeDeletes();
    await expect(registry.manifests.get(app, { digest: image })).rejects.toMatchObject({
      code: 'MANIFEST_UNKNOWN',
    });
    expect(await registry.index.pendingDeletes()).toEqual([]);
  });

  it('keep what a crash was about to delete when an index that was pushed since names it', async () => {
    const registry = openMemoryRegistry({ now: () => new Date() });
    const image = await pushImage(registry);
    await registry.index.beginDeletes(app, [{ digest: image }], new Date());
    for (const path of [layout.tagPath(app, v1), layout.revisionPath(app, image)])
      await registry.driver.delete(path); // as far as it came
    await new Promise((resolve) => setTimeout(resolve, 5));
    const { bytes } = await registry.manifests.get(app, { digest: image });
    const child = { mediaType: MEDIA_TYPES.ociManifest, digest: image, size: bytes.byteLength };
    const index = { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests: [child] };
    await registry.manifests.put(app, {
      bytes: Buffer.from(JSON.stringify(index)),
      contentType: MEDIA_TYPES.ociIndex,
      tags: [parseTag('all')],
    });
    await registry.manifests.resumeDeletes();
    // Whoever reads the files alone finds it, too.
    const fresh = openMemoryRegistry({ driver: registry.driver });
    await fresh.sync.run();
    expect((await fresh.manifests.get(app, { tag: v1 })).digest).toBe(image);
    expect((await registry.manifests.get(app, { tag: v1 })).digest).toBe(image);
    expect(await registry.index.pendingDeletes()).toEqual([]);
  });

  it('end with tag and index naming the same manifest, whoever pushes at once', async () => {
    const registry = openMemoryRegistry();
    await pushImage(registry);
    const pushes = Array.from({ length: 20 }, (_, i) =>
      registry.manifests.put(app, {
        bytes: imageOf('config', ['layer'], { annotations: { i: String(i) } }),
        contentType: '',
        tags: [v1],
      }),
    );
    await Promise.all(pushes);
    const link = (await registry.driver.read(layout.tagLinkPath(app, v1))).toString();
    expect(await registry.index.findTag(app, v1)).toBe(link);
  });

  it('say that a blob is gone when somebody removed its bytes', async () => {
    const registry = openMemoryRegistry();
    await pushBlob(registry, app, 'layer');
    await registry.driver.delete(layout.blobPath(digest('layer')));
    await expect(registry.blobs.get(app, digest('layer'))).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' });
    expect(await registry.index.findBlob(app, digest('layer'))).toBeUndefined();
  });
});

describe.each([
  { store: 'directories', newDriver: () => new MemoryDriver() },
  { store: 'a list of all files', newDriver: () => new WalkingDriver() },
  { store: 'files that are read by the hundred', newDriver: () => new GatheringDriver() },
])('IndexSync on a store with $store', ({ newDriver }) => {
  it('serves data that another registry wrote, from the first request on', async () => {
    const written = openMemoryRegistry({ driver: newDriver() });
    const image = await pushImage(written);
    const { manifests, blobs, catalog } = openMemoryRegistry({ driver: written.driver });
    expect((await manifests.get(app, { tag: v1 })).digest).toBe(image);
    expect(await blobs.get(app, digest('layer'))).toMatchObject({ size: 5 });
    expect((await catalog.repositories({ limit: 9 }, everyone)).items).toEqual([app]);
  });

  it('notices what changed while it was away', async () => {
    const first = openMemoryRegistry({ driver: newDriver() });
    const image = await pushImage(first);
    const { index, driver } = first;
    await driver.delete(layout.tagPath(app, v1));
    await driver.publish([{ path: layout.tagLinkPath(app, parseTag('v2')), bytes: Buffer.from(image) }]);
    await driver.delete(layout.layerLinkPath(app, digest('layer')));
    const second = openMemoryRegistry({ driver, index });
    await second.sync.run();
    expect((await second.catalog.tags(app, { limit: 9 })).json).toEqual('["v2"]');
    await expect(second.blobs.get(app, digest('layer'))).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' });
  });

  it('finds by names alone all that another registry wrote, and what it deleted', async () => {
    const first = openMemoryRegistry({ driver: newDriver() });
    const [stays, goes] = [await pushImage(first), await pushImage(first, 'goes', parseTag('goes'))];
    const written = openMemoryRegistry({ driver: first.driver });
    const late = await pushImage(written, 'late', parseTag('late'));
    await first.driver.publish([{ path: layout.tagLinkPath(app, v1), bytes: Buffer.from(late) }]);
    await first.driver.delete(layout.tagPath(app, parseTag('goes')));
    await first.driver.delete(layout.revisionLinkPath(app, goes)); // its directory stays, as the reference registry leaves it
    // Other programs leave behind what is no name of ours.
    const foreign = [
      '_layers/sha256/x.tmp/link',
      '_manifests/revisions/sha256/x.tmp/link',
      '_manifests/tags/-x/link',
    ];
    await first.driver.publish(
      foreign.map((path) => ({ path: `${layout.REPOSITORIES}/${app}/${path}`, bytes: Buffer.from('x') })),
    );
    const second = openMemoryRegistry({ driver: first.driver, index: first.index });
    await second.sync.run({ namesOnly: true });
    expect((await second.manifests.get(app, { tag: v1 })).digest).toBe(late);
    expect(await second.blobs.get(app, digest('late'))).toMatchObject({ size: 4 });
    await second.manifests.get(app, { digest: stays });
    await expect(second.manifests.get(app, { digest: goes })).rejects.toMatchObject({
      code: 'MANIFEST_UNKNOWN',
    });
  });

  it('reads again what is indexed, when asked to', async () => {
    const first = openMemoryRegistry({ driver: newDriver() });
    const image = await pushImage(first);
    await first.driver.publish([{ path: layout.blobPath(image), bytes: Buffer.from('{}') }]);
    await first.sync.run();
    expect((await first.manifests.get(app, { tag: v1 })).digest).toBe(image);
    await first.sync.run({ reread: true });
    await expect(first.manifests.get(app, { tag: v1 })).rejects.toMatchObject({ code: 'MANIFEST_UNKNOWN' });
  });

  it('does not trust a manifest that was damaged', async () => {
    const first = openMemoryRegistry({ driver: newDriver() });
    const image = await pushImage(first);
    await first.driver.publish([{ path: layout.blobPath(image), bytes: Buffer.from('{}') }]);
    const second = openMemoryRegistry({ driver: first.driver });
    await expect(second.manifests.get(app, { tag: v1 })).rejects.toMatchObject({ code: 'MANIFEST_UNKNOWN' });
  });

  it.each([
    {
      at: 'findManifest',
      read: async (r: MemoryRegistry) => (await r.manifests.get(app, { tag: v1 })).mediaType,
    },
    { at: 'findBlob', read: async (r: MemoryRegistry) => (await r.blobs.get(app, digest('layer'))).size },
    { at: 'listTags', read: async (r: MemoryRegistry) => (await r.catalog.tags(app, { limit: 9 })).json },
    {
      at: 'hasManifests',
      read: async (r: MemoryRegistry) => (await r.catalog.repositories({ limit: 9 }, everyone)).items,
    },
  ] as const)('answers from the new index when the old one is lost just before $at', async ({ at, read }) => {
    const written = openMemoryRegistry({ driver: newDriver() });
    await pushImage(written);
    const expected = await read(written);
    const registry = openMemoryRegistry({ driver: written.driver, index: indexLostAt(at) });
    expect(await read(registry)).toEqual(expected);
  });

  it.each(['missing', 'findTag'] as const)(
    'takes a manifest though the index is lost just before %s',
    async (at) => {
      const written = openMemoryRegistry({ driver: newDriver() });
      const pushed = await pushImage(written);
      const { manifests } = openMemoryRegistry({ driver: written.driver, index: indexLostAt(at) });
      const push = { bytes: imageOf('config', ['layer']), contentType: MEDIA_TYPES.ociManifest, tags: [v1] };
      expect(await manifests.put(app, push)).toMatchObject({ digest: pushed, missing: [] });
    },
  );

  it('is not complete when the index is lost during the last comparison, whoever notices', async () => {
    const written = openMemoryRegistry({ driver: newDriver() });
    await pushImage(written);
    const other = parseRepositoryName('z');
    for (const text of ['config', 'layer']) await written.blobs.mount(app, other, digest(text));
    await written.manifests.put(other, { bytes: imageOf('config', ['layer']), contentType: '', tags: [v1] });
    const onLoss = () => void sync.complete; // what every request asks
    const index = indexLostAt('applyChanges', { call: 2, onLoss });
    const { sync } = openMemoryRegistry({ driver: written.driver, index });
    expect(await sync.run()).toEqual({ repositories: 2, failed: 0 });
    expect(await index.hasManifests(app)).toBe(true);
    expect(await index.hasManifests(other)).toBe(true);
  });

  it('passes over empty links and foreign directories', async () => {
    const first = openMemoryRegistry({ driver: newDriver() });
    await pushImage(first);
    await first.driver.publish([{ path: layout.tagLinkPath(app, parseTag('torn')), bytes: Buffer.alloc(0) }]);
    await first.driver.publish([{ path: `${layout.REPOSITORIES}/a-file`, bytes: Buffer.from('x') }]);
    await first.driver.publish([
      { path: `${layout.REPOSITORIES}/Not-A-Name/_manifests/x`, bytes: Buffer.from('x') },
    ]);
    const second = openMemoryRegistry({ driver: first.driver });
    expect(await second.sync.run()).toEqual({ repositories: 1, failed: 0 });
    expect((await second.catalog.tags(app, { limit: 9 })).json).toEqual('["v1"]');
  });

  it('compares again what it had compared before the index was lost unnoticed', async () => {
    const first = openMemoryRegistry();
    const late = parseRepositoryName('team/late');
    await pushImage(first);
    await pushBlob(first, late, 'late');
    const lost = indexLostAt('check');
    const restarted: MemoryRegistry = openMemoryRegistry({
      driver: first.driver,
      index: new Proxy(lost, {
        get: (_, name: keyof MetadataIndex) =>
          name === 'contents' ? (repository: RepositoryName) => contents(repository) : lost[name],
      }),
    });
    // Another request notices the loss while the last repository is compared.
    const contents = async (repository: RepositoryName) => {
      if (repository === late) expect(restarted.sync.complete).toBe(false);
      return lost.contents(repository);
    };
    await restarted.sync.ensure(app);
    await restarted.index.check();
    await restarted.sync.run();
    expect(restarted.sync.complete).toBe(true);
    expect(await restarted.index.hasManifests(app)).toBe(true);
  });

  it('leaves nothing out of the catalog that could not be compared', async () => {
    const registry = openMemoryRegistry();
    await registry.sync.run();
    await registry.index.dropManifests(app, [await pushImage(registry)]);
    registry.sync.distrust(app);
    expect((await registry.catalog.repositories({ limit: 9 }, everyone)).items).toEqual([app]);
  });
});

describe('IndexSync of several processes', () => {
  it('is complete for all when one of them has compared everything', async () => {
    const first = openMemoryRegistry();
    await pushImage(first);
    const { driver } = first;
    const index = new SqliteIndex(':memory:');
    const [one, other] = [0, 1].map(() => openMemoryRegistry({ driver, index, shared: true }));
    if (!one || !other) throw new Error('two were opened');
    await other.sync.check();
    expect(other.sync.complete).toBe(false);
    expect((await other.manifests.get(app, { tag: v1 })).mediaType).toBe(MEDIA_TYPES.ociManifest);
    await one.sync.run();
    await other.sync.check();
    expect(other.sync.complete).toBe(true);
    await index.comparison.begin();
    await other.sync.check();
    expect(other.sync.complete).toBe(false);
  });

  it('trusts no repository that another could not compare, until it is compared', async () => {
    const { driver, index } = openMemoryRegistry();
    const [one, other] = [0, 1].map(() => openMemoryRegistry({ driver, index, shared: true }));
    if (!one || !other) throw new Error('two were opened');
    await one.sync.run();
    await other.sync.check();
    one.sync.distrust(app);
    await other.sync.check();
    expect([...other.sync.distrusted]).toEqual([app]);
    await other.sync.ensure(app);
    expect([...other.sync.distrusted]).toEqual([]);
    await one.sync.ensure(app);
    expect(await index.comparison.get()).toEqual({ complete: true, distrusted: [] });
  });

  it('tells what nobody could hear at first', async () => {
    const { driver } = openMemoryRegistry();
    const index = new SqliteIndex(':memory:');
    const [one, other] = [0, 1].map(() => openMemoryRegistry({ driver, index, shared: true }));
    if (!one || !other) throw new Error('two were opened');
    await one.sync.run();
    const { comparison } = index;
    const setTrusted = comparison.setTrusted.bind(comparison);
    comparison.setTrusted = () => Promise.reject(new Error('the index is away'));
    one.sync.distrust(app);
    await expect(one.sync.check()).rejects.toThrow('away');
    comparison.setTrusted = setTrusted;
    await one.sync.check();
    await other.sync.check();
    expect([...other.sync.distrusted]).toEqual([app]);
    await other.sync.ensure(app);
    await one.sync.check();
    expect([...one.sync.distrusted]).toEqual([]);
  });
});

describe('IndexSync on a store with a list of all files', () => {
  it('asks for no file whose content it knows', async () => {
    const driver = new WalkingDriver();
    const first = openMemoryRegistry({ driver });
    const image = await pushImage(first);
    const nested = parseRepositoryName('team/app/inner');
    for (const text of ['config', 'layer']) await first.blobs.mount(app, nested, digest(text));
    driver.asked = [];
    const unindexed = openMemoryRegistry({ driver });
    expect(await unindexed.sync.run()).toEqual({ repositories: 2, failed: 0 });
    expect(driver.asked).toEqual([layout.blobPath(image)]);
    await driver.publish([{ path: layout.tagLinkPath(app, parseTag('v2')), bytes: Buffer.from(image) }]);
    driver.asked = [];
    const second = openMemoryRegistry({ driver, index: unindexed.index });
    await second.sync.run();
    expect(driver.asked).toEqual([]);
    expect((await second.catalog.tags(app, { limit: 9 })).json).toEqual('["v1","v2"]');
  });

  it('compares once more what changed while everything was listed', async () => {
    const driver = new WalkingDriver();
    const registry = openMemoryRegistry({ driver });
    await pushImage(registry);
    const restarted = openMemoryRegistry({ driver, index: registry.index });
    const { walk } = driver;
    // The list of all repositories is read, and only then something is pushed.
    driver.walk = async function* (path) {
      const files = await Array.fromAsync(walk.call(driver, path));
      if (path === layout.REPOSITORIES) await pushBlob(restarted, app, 'late');
      yield* files;
    };
    await restarted.sync.run();
    expect(await restarted.blobs.get(app, digest('late'))).toMatchObject({ size: 4 });
  });
});

/** An index that somebody else's request finds damaged, and replaces, just before this call of a method. */
function indexLostAt(method: keyof MetadataIndex, { call = 1, onLoss = () => {} } = {}): MetadataIndex {
  let index = new SqliteIndex(':memory:');
  let generation = 0;
  let calls = 0;
  return new Proxy({} as MetadataIndex, {
    get: (_, name: keyof MetadataIndex) => {
      if (name === 'generation') return generation;
      if (name === method) calls += 1;
      if (calls === call && generation === 0) {
        [index, generation] = [new SqliteIndex(':memory:'), 1];
        onLoss();
      }
      const value: unknown = index[name];
      return typeof value === 'function' ? value.bind(index) : value;
    },
  });
}

async function pushImage(registry: MemoryRegistry, layer = 'layer', tag = v1): Promise<Digest> {
  for (const text of ['config', layer]) await pushBlob(registry, app, text);
  const push = { bytes: imageOf('config', [layer]), contentType: MEDIA_TYPES.ociManifest, tags: [tag] };
  return (await registry.manifests.put(app, push)).digest;
}
