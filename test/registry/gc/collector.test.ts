import { describe, expect, it } from 'vitest';
import { layout } from '../../../src/content/index.js';
import { SqliteIndex } from '../../../src/index/index.js';
import {
  type Digest,
  MEDIA_TYPES,
  parseRepositoryName,
  parseTag,
  type RepositoryName,
} from '../../../src/oci/index.js';
import { Collector, IndexNotTrustedError, type Removal } from '../../../src/registry/gc/index.js';
import { Maintenance } from '../../../src/registry/maintenance/index.js';
import { MemoryDriver } from '../../../src/storage/index.js';
import {
  digest,
  GatheringDriver,
  imageOf,
  indexOf,
  type MemoryRegistry,
  openMemoryRegistry,
  pushBlob,
  RULES,
  WalkingDriver,
} from '../repositories/memory-registry.js';
import { turnsUntil } from './event-loop.js';

const app = parseRepositoryName('team/app');
const other = parseRepositoryName('other');
const v1 = parseTag('v1');
const HOUR = 3_600_000;

describe('Collector', () => {
  it('removes blobs that no manifest names, and their bytes where no repository has them', async () => {
    const registry = await start();
    const image = await pushImage(registry, ['layer'], { tag: true });
    await pushBlob(registry, app, 'orphan');
    await pushBlob(registry, app, 'shared');
    await pushImage(registry, ['shared'], { repository: other, tag: true });
    registry.later(25 * HOUR);
    expect(await registry.collect()).toEqual({
      tags: 0,
      manifests: 0,
      links: 2,
      history: 0,
      blobs: 1,
      bytes: 6,
      skipped: [],
    });
    await expect(registry.blobs.get(app, digest('orphan'))).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' });
    await expect(registry.blobs.get(app, digest('shared'))).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' });
    expect(await registry.content.stat(digest('orphan'))).toBeUndefined();
    await registry.expectWhole(app, image);
    expect(await registry.collect()).toMatchObject({ manifests: 0, links: 0, blobs: 0 });
  });

  it('leaves alone what is younger than the grace, or was asked for since', async () => {
    const registry = await start();
    await pushBlob(registry, app, 'old');
    await pushBlob(registry, app, 'asked');
    registry.later(20 * HOUR);
    await pushBlob(registry, app, 'young');
    await registry.blobs.get(app, digest('asked'));
    registry.later(5 * HOUR);
    expect(await registry.collect()).toMatchObject({ links: 1, blobs: 1, bytes: 3 });
    await registry.blobs.get(app, digest('young'));
    await registry.blobs.get(app, digest('asked'));
    registry.later(25 * HOUR);
    expect(await registry.collect()).toMatchObject({ links: 2, blobs: 2 });
  });

  it('finds what little goes of a large repository, and lets others have their turns meanwhile', async () => {
    const registry = await start();
    await pushBlob(registry, app, 'orphan');
    const layers = Array.from({ length: 5000 }, (_, i) => `layer ${i}`);
    const linkedAt = registry.store.now();
    for (const each of layers.map((layer) => digest(layer)))
      await registry.index.putBlob(app, { digest: each, canonical: each, size: 1, linkedAt });
    await pushImage(registry, layers, { tag: true });
    registry.later(25 * HOUR);
    let isOver = false;
    const turns = turnsUntil(() => isOver);
    expect(await registry.collect({ dryRun: true })).toMatchObject({ links: 1 });
    isOver = true;
    expect(await turns).toBeGreaterThanOrEqual(5);
    expect(await registry.collect()).toMatchObject({ links: 1, blobs: 1 });
  });

  it('goes no further than the part under way when it is told to stop', async () => {
    const registry = await start();
    await pushBlob(registry, app, 'orphan');
    await pushImage(registry, ['layer'], {});
    registry.later(25 * HOUR);
    const signal = AbortSignal.abort();
    expect(await registry.collect({ untagged: true, signal })).toMatchObject({ manifests: 0, blobs: 0 });
    expect(await registry.collect({ untagged: true })).toMatchObject({ manifests: 1, blobs: 4 });
  });

  it('promises nobody a blob that is on its way out', async () => {
    let ask = async () => {};
    const driver = new MemoryDriver();
    const deleteFiles = driver.deleteFiles.bind(driver);
    driver.deleteFiles = async (...of) => {
      await ask();
      return deleteFiles(...of);
    };
    const registry = await start({ driver });
    await pushBlob(registry, app, 'orphan');
    registry.later(25 * HOUR);
    let answer: Promise<string> | undefined;
    ask = async () => {
      answer ??= registry.blobs.get(app, digest('orphan')).then(
        () => 'it is here',
        ({ code }) => code,
      );
      for (let turns = 0; turns < 50; turns += 1) await Promise.resolve();
    };
    expect(await registry.collect()).toMatchObject({ links: 1, blobs: 1 });
    expect(await answer).toBe('BLOB_UNKNOWN');
  });

  it('mounts nothing whose bytes are on their way out', async () => {
    const { promise: whenBytesGo, resolve: bytesGo } = Promise.withResolvers<void>();
    const driver = new MemoryDriver();
    const deleteFiles = driver.deleteFiles.bind(driver);
    driver.deleteFiles = async (paths, options) => {
      if (paths.some((path) => path.includes('/blobs/'))) {
        bytesGo();
        for (let turns = 0; turns < 50; turns += 1) await Promise.resolve();
      }
      return deleteFiles(paths, options);
    };
    const index = new SqliteIndex(':memory:');
    const registry = await start({ driver, index });
    await pushBlob(registry, app, 'orphan');
    registry.later(25 * HOUR);
    const known = await index.findBlob(app, digest('orphan'));
    index.findBlob = async () => {
      index.findBlob = SqliteIndex.prototype.findBlob;
      await whenBytesGo;
      return known;
    };
    const [mounted] = await Promise.all([
      registry.blobs.mount(app, other, digest('orphan')),
      registry.collect(),
    ]);
    expect(mounted).toBeUndefined();
    await expect(registry.blobs.get(other, digest('orphan'))).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' });
  });

  it('knows of a blob that is pushed again', async () => {
    const registry = await start();
    await pushBlob(registry, app, 'layer');
    registry.later(30 * HOUR);
    await pushBlob(registry, app, 'layer');
    expect(await registry.collect()).toMatchObject({ links: 0, blobs: 0 });
  });

  it('keeps manifests without a tag, unless told', async () => {
    const registry = await start();
    const image = await pushImage(registry, ['layer']);
    registry.later(25 * HOUR);
    expect(await registry.collect()).toMatchObject({ manifests: 0, links: 0, blobs: 0 });
    await registry.expectWhole(app, image);
    registry.later(25 * HOUR);
    expect(await registry.collect({ untagged: true })).toMatchObject({ manifests: 1, links: 2, blobs: 3 });
    expect((await registry.catalog.repositories({ limit: 9 }, () => true)).items).toEqual([]);
  });

  it('keeps what a list, a subject or a referrer leads to, over any number of steps', async () => {
    const registry = await start();
    const child = await pushImage(registry, ['child']);
    const inner = await registry.put(indexOf([child]));
    await registry.put(indexOf([inner]), [v1]);
    const signature = await registry.put(imageOf('config', ['signature'], { subject: subjectOf(child) }));
    const sbom = await registry.put(imageOf('config', ['sbom'], { subject: subjectOf(signature) }));
    const subject = await pushImage(registry, ['subject']);
    await registry.put(imageOf('config', ['about'], { subject: subjectOf(subject) }), [parseTag('about')]);
    registry.later(25 * HOUR);
    expect(await registry.collect({ untagged: true })).toMatchObject({ manifests: 0, links: 0, blobs: 0 });
    for (const manifest of [child, signature, sbom, subject]) await registry.expectWhole(app, manifest);
    await registry.manifests.delete(app, { tag: v1 });
    expect(await registry.collect({ untagged: true })).toMatchObject({ manifests: 5 });
    await registry.expectWhole(app, subject);
  });

  it('removes referrers that refer to each other and nothing else', async () => {
    const registry = await start();
    const first = await pushImage(registry, ['layer']);
    await registry.put(imageOf('config', ['layer'], { subject: subjectOf(first) }));
    registry.later(25 * HOUR);
    expect(await registry.collect({ untagged: true })).toMatchObject({ manifests: 2, blobs: 4 });
  });

  it('removes an image with what is about it, however much that stays lies between, as it said that it would', async () => {
    const registry = await start({ trash: true });
    const put = (i: number, more: object = {}) => {
      registry.later(1);
      return registry.put(imageOf('config', [], { annotations: { i: `${i}` }, ...more }));
    };
    const children: Digest[] = [];
    for (let i = 0; i < 99; i += 1) children.push(await put(i));
    await registry.put(indexOf(children), [v1]);
    const image = await put(99);
    await put(100, { subject: subjectOf(image) }); // the 101st without a tag
    registry.later(25 * HOUR);
    expect(await registry.collect({ untagged: true, dryRun: true })).toMatchObject({ manifests: 2 });
    expect(await registry.collect({ untagged: true })).toMatchObject({ manifests: 2 });
  });

  it('removes a list with its images, however many, as it said that it would', async () => {
    const registry = await start({ trash: true });
    const images: Digest[] = [];
    for (let i = 0; i < 250; i += 1) {
      registry.later(1);
      images.push(await registry.put(imageOf('config', [], { annotations: { i: `${i}` } })));
    }
    registry.later(1);
    const list = await registry.put(indexOf(images));
    registry.later(25 * HOUR);
    expect(await registry.collect({ untagged: true, dryRun: true })).toMatchObject({ manifests: 251 });
    expect(await registry.collect({ untagged: true })).toMatchObject({ manifests: 251 });

    const maintenance = new Maintenance(registry);
    const entries = await Array.fromAsync(registry.store.trash?.list() ?? []);
    const { id } = entries.find(({ digest: each }) => each === list) ?? {};
    expect(await maintenance.run({ kind: 'restore', id: `${id}` })).toMatchObject({ digest: list, tags: [] });
    for (const image of images) await registry.expectWhole(app, image);
    expect(await Array.fromAsync(registry.store.trash?.list() ?? [])).toEqual([]);
  });

  it('keeps bytes that are linked by sha512 only', async () => {
    const registry = await start();
    const name = digest('wide', 'sha512');
    await pushBlob(registry, app, 'wide', name);
    const bytes = imageOf('config', [], { layers: [{ mediaType: 'text/x', digest: name, size: 4 }] });
    await pushBlob(registry, app, 'config');
    const manifest = digest(bytes, 'sha512');
    await registry.manifests.put(app, { bytes, contentType: '', digest: manifest, tags: [v1] });
    await registry.blobs.delete(app, digest('wide'));
    registry.later(25 * HOUR);
    expect(await registry.collect({ untagged: true })).toMatchObject({ manifests: 0, blobs: 0 });
    expect((await registry.blobs.get(app, name)).size).toBe(4);
    await registry.manifests.get(app, { digest: manifest });
  });

  it('says what a dry run would remove, and removes nothing', async () => {
    const registry = await start({ trash: true });
    await pushImage(registry, ['layer']);
    await pushBlob(registry, app, 'orphan');
    for (const text of ['orphan', 'shared']) await pushBlob(registry, other, text, digest(text, 'sha512'));
    await pushBlob(registry, app, 'shared');
    await registry.put(imageOf('shared', []), [v1]);
    registry.later(25 * HOUR);
    const removals: object[] = [];
    const options = { dryRun: true, untagged: true, onRemoval: (removal: object) => removals.push(removal) };
    const counts = { manifests: 1, links: 5, blobs: 1, bytes: 6 };
    expect(await registry.collect(options)).toMatchObject(counts);
    expect(removals).toHaveLength(7);
    expect(removals).toContainEqual({
      kind: 'manifest',
      repository: app,
      digest: digest(imageOf('config', ['layer'])),
    });
    expect(removals).toContainEqual({ kind: 'link', repository: app, digest: digest('orphan') });
    // Two repositories have it, and both links would go; the other one's is shared with an image.
    expect(removals).toContainEqual({ kind: 'blob', digest: digest('orphan'), bytes: 6 });
    expect(await registry.blobs.size(app, digest('orphan'))).toBe(6);
    expect(await registry.collect({ untagged: true })).toMatchObject(counts);
  });

  it('asks of many blobs at once in a dry run, too', async () => {
    let asked = 0;
    const counting = new Proxy(new SqliteIndex(':memory:'), {
      get: (index, name: keyof SqliteIndex) => {
        const value: unknown = index[name];
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          asked += 1;
          return value.apply(index, args);
        };
      },
    });
    const registry = await start({ index: counting });
    // All in one directory, which is listed at once.
    const texts = Array.from({ length: 20_000 }, (_, i) => `text ${i}`);
    const orphans = texts.filter((text) => digest(text).startsWith('sha256:ab'));
    for (const text of orphans) await pushBlob(registry, app, text);
    registry.later(25 * HOUR);
    asked = 0;
    const { length } = orphans;
    expect(await registry.collect({ dryRun: true })).toMatchObject({ links: length, blobs: length });
    expect(asked).toBeLessThan(length / 2);
  });

  it('passes over repositories with a link that says nothing, and names it', async () => {
    const registry = await start();
    await pushBlob(registry, app, 'orphan');
    await pushBlob(registry, other, 'garbage');
    const torn = digest('torn');
    const path = layout.revisionLinkPath(app, torn);
    await registry.driver.publish([
      { path, bytes: Buffer.alloc(0) },
      { path: layout.blobPath(torn), bytes: Buffer.from('torn') },
    ]);
    await registry.sync.recheck(app);
    registry.later(25 * HOUR);
    expect(await registry.collect({ untagged: true })).toEqual({
      tags: 0,
      manifests: 0,
      links: 1,
      history: 0,
      blobs: 1,
      bytes: 7,
      skipped: [path],
    });
    await registry.blobs.get(app, digest('orphan'));
    expect(await registry.content.stat(torn)).toBe(4);
    await registry.driver.delete(path);
    await registry.sync.recheck(app);
    registry.later(25 * HOUR);
    expect(await registry.collect()).toMatchObject({ links: 1, blobs: 2, skipped: [] });
  });

  it('concludes nothing from an index that was not compared, or is lost on the way', async () => {
    const fresh = openMemoryRegistry();
    const collector = new Collector(fresh);
    const options = { dryRun: false, grace: 0, untagged: true };
    await expect(collector.run(options)).rejects.toThrow(IndexNotTrustedError);

    const registry = await start({ index: lostIndex() });
    const image = await pushImage(registry, ['layer'], { tag: true });
    registry.later(25 * HOUR);
    await expect(registry.collect()).rejects.toThrow(IndexNotTrustedError);
    await registry.sync.settle();
    await registry.expectWhole(app, image);
  });

  it('removes tags that no rule keeps, and then what they led to', async () => {
    const isV1 = (_: string, tag: string) => tag === 'v1';
    const registry = await start({
      trash: true,
      rules: { ...RULES, isImmutable: isV1 },
      retention: [{ matches: () => true, keep: [{ newest: 1 }], expiryLabel: 'expires' }],
    });
    const image = await pushImage(registry, ['layer'], { tag: true });
    await registry.put(imageOf('config', ['shared']), [parseTag('v2')]);
    registry.later(HOUR);
    const config = JSON.stringify({ os: 'linux', rootfs: {}, config: { Labels: { expires: '30h' } } });
    for (const text of [config, 'layer']) await pushBlob(registry, app, text);
    await registry.put(imageOf(config, ['layer']), [parseTag('v3')]);
    registry.later(24.5 * HOUR);
    const removals: Removal[] = [];
    const onRemoval = (removal: Removal) => removals.push(removal);
    expect(await registry.collect({ dryRun: true, onRemoval })).toMatchObject({ tags: 1 });
    expect(await registry.collect({ onRemoval })).toMatchObject({ tags: 1 });
    const gone = { kind: 'tag', repository: app, tag: 'v2', rule: 0 };
    expect(removals.filter(({ kind }) => kind === 'tag')).toEqual([gone, gone]);
    const tags = async () => JSON.parse((await registry.index.listTags(app, { limit: 9 })).json);
    expect(await tags()).toEqual(['v1', 'v3']);
    await registry.expectWhole(app, image);
    registry.later(6 * HOUR);
    expect(await registry.collect()).toMatchObject({ tags: 1 });
    expect(await tags()).toEqual(['v1']);
    const [entry] = await Array.fromAsync(registry.store.trash?.list() ?? []);
    expect(entry && (await registry.manifests.restore(entry))).toEqual(['v2']);
  });

  it.each([
    { store: 'directories', driver: new MemoryDriver() },
    { store: 'a list of all files', driver: new WalkingDriver() },
    { store: 'files that are read by the hundred', driver: new GatheringDriver() },
  ])(
    'forgets that tags named what is gone, once that is old enough, on a store with $store',
    async ({ driver }) => {
      const registry = await start({ driver });
      const old = await registry.put(imageOf('config', ['child']), [v1]);
      const kept = await registry.put(imageOf('config', ['layer']), [v1, parseTag('v2')]);
      const isThere = async (tag: string, digest: typeof old) =>
        (await registry.driver.stat(layout.tagHistoryLinkPath(app, parseTag(tag), digest))) !== undefined;
      registry.later(25 * HOUR);
      expect(await registry.collect()).toMatchObject({ manifests: 0, history: 0 });
      await registry.manifests.delete(app, { digest: old });
      expect(await registry.collect({ grace: 26 * HOUR })).toMatchObject({ history: 0 });
      expect(await registry.collect({ dryRun: true })).toMatchObject({ history: 1 });
      expect(await isThere('v1', old)).toBe(true);
      expect(await registry.collect()).toMatchObject({ history: 1 });
      expect(await Promise.all([isThere('v1', old), isThere('v1', kept), isThere('v2', kept)])).toEqual([
        false,
        true,
        true,
      ]);
      const links = [v1, parseTag('v2')].map((tag) => registry.driver.read(layout.tagLinkPath(app, tag)));
      expect((await Promise.all(links)).map(String)).toEqual([kept, kept]);
      await registry.expectWhole(app, kept);
    },
  );

  it('counts entries of histories in all repositories, which are gone through side by side', async () => {
    const registry = await start();
    for (const repository of [app, other]) {
      const old = await registry.put(imageOf('config', ['child']), [v1], repository);
      await registry.put(imageOf('config', ['layer']), [v1], repository);
      await registry.manifests.delete(repository, { digest: old });
    }
    registry.later(25 * HOUR);
    expect(await registry.collect()).toMatchObject({ history: 2 });
  });

  it('keeps a tag that was pushed again since it was looked at', async () => {
    const registry = await start();
    await pushImage(registry, ['layer'], { tag: true });
    const uses = await registry.index.tagUses(app);
    registry.later(1);
    await pushImage(registry, ['layer'], { tag: true });
    expect(await registry.manifests.expire(app, uses)).toEqual([]);
    expect(await registry.manifests.expire(app, await registry.index.tagUses(app))).toMatchObject([
      { tag: v1 },
    ]);
  });

  it('does not take bytes from under a push that finds them there', async () => {
    const registry = await start();
    await pushBlob(registry, app, 'layer');
    registry.later(25 * HOUR);
    const image = { config: 'layer', layers: [] };
    const [collection] = await Promise.all([
      registry.collect(),
      registry.blobs
        .get(app, digest('layer'))
        .catch(() => pushBlob(registry, app, 'layer'))
        .then(() => registry.put(imageOf(image.config, image.layers), [v1])),
    ]);
    expect(collection.skipped).toEqual([]);
    expect((await registry.blobs.get(app, digest('layer'))).size).toBe(5);
  });
});

async function start(given: Parameters<typeof openMemoryRegistry>[0] = {}) {
  let time = Date.now();
  const registry = openMemoryRegistry({ ...given, now: () => new Date(time) });
  await registry.sync.run();
  const collector = new Collector(registry);
  return {
    ...registry,
    later: (milliseconds: number) => {
      time += milliseconds;
    },
    collect: (options: object = {}) =>
      collector.run({ dryRun: false, grace: 24 * HOUR, untagged: false, ...options }),
    put: async (bytes: Buffer, tags = [] as ReturnType<typeof parseTag>[], repository = app) => {
      const { config, layers = [] } = JSON.parse(bytes.toString());
      for (const text of [config, ...layers].filter(Boolean))
        await pushText(registry, repository, text.digest);
      return (await registry.manifests.put(repository, { bytes, contentType: '', tags })).digest;
    },
    expectWhole: async (repository: RepositoryName, manifest: ReturnType<typeof digest>) => {
      const { bytes } = await registry.manifests.get(repository, { digest: manifest });
      const { config, layers } = JSON.parse(Buffer.from(bytes).toString());
      for (const blob of [config, ...layers]) await registry.blobs.get(repository, blob.digest);
    },
  };
}

const TEXTS = ['config', 'layer', 'signature', 'sbom', 'about', 'child', 'subject', 'shared'];

async function pushText(registry: MemoryRegistry, repository: RepositoryName, name: string): Promise<void> {
  const text = TEXTS.find((each) => digest(each) === name);
  if (text) await pushBlob(registry, repository, text);
}

function pushImage(
  registry: Awaited<ReturnType<typeof start>>,
  layers: string[],
  { repository = app, tag = false } = {},
) {
  return registry.put(imageOf('config', layers), tag ? [v1] : [], repository);
}

function subjectOf(manifest: string) {
  return { mediaType: MEDIA_TYPES.ociManifest, digest: manifest, size: 1 };
}

/** An index that turns out damaged when it is asked which bytes are needed. */
function lostIndex() {
  let index = new SqliteIndex(':memory:');
  let generation = 0;
  return new Proxy({} as SqliteIndex, {
    get: (_, name: keyof SqliteIndex) => {
      if (name === 'generation') return generation;
      if (name === 'unlinked' && generation === 0) [index, generation] = [new SqliteIndex(':memory:'), 1];
      const value: unknown = index[name];
      return typeof value === 'function' ? value.bind(index) : value;
    },
  });
}
