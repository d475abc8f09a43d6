import { describe, expect, it } from 'vitest';
import { layout } from '../../../src/content/index.js';
import { SqliteIndex } from '../../../src/index/index.js';
import { type Digest, parseRepositoryName, parseTag } from '../../../src/oci/index.js';
import { Collector } from '../../../src/registry/gc/index.js';
import { Maintenance } from '../../../src/registry/maintenance/index.js';
import type { TrashEntry } from '../../../src/registry/repositories/index.js';
import {
  digest,
  imageOf,
  indexOf,
  type MemoryRegistry,
  openMemoryRegistry,
  pushBlob,
} from './memory-registry.js';

const app = parseRepositoryName('team/app');
const [v1, v2] = [parseTag('v1'), parseTag('v2')];
const DAY = 86_400_000;
const ENTRY = {
  id: 'x',
  repository: 'team/app',
  deletedAt: '2026-01-01T00:00:00.000Z',
  tagsOnly: false,
  tags: ['v1'],
  digest: digest('manifest'),
  canonical: digest('manifest'),
  bytes: 8,
  references: [digest('layer')],
};

describe('the trash', () => {
  it('gives back a manifest with its tags', async () => {
    const registry = openMemoryRegistry({ trash: true });
    const image = await pushImage(registry, 'layer');
    await registry.manifests.delete(app, { digest: image });
    const [entry] = await entriesOf(registry);
    expect(entry).toMatchObject({ repository: app, digest: image, tags: [v1, v2], tagsOnly: false });
    expect(await registry.manifests.restore(entry as TrashEntry)).toEqual([v1, v2]);
    expect((await registry.manifests.get(app, { tag: v2 })).digest).toBe(image);
    expect((await registry.driver.read(layout.tagLinkPath(app, v2))).toString()).toBe(image);
  });

  it('gives back a tag', async () => {
    const registry = openMemoryRegistry({ trash: true });
    const image = await pushImage(registry, 'layer');
    await registry.manifests.delete(app, { tag: v1 });
    const [entry] = await entriesOf(registry);
    expect(entry).toMatchObject({ tags: [v1], tagsOnly: true });
    await registry.manifests.restore(entry as TrashEntry);
    expect((await registry.manifests.get(app, { tag: v1 })).digest).toBe(image);
  });

  it('leaves tags that name something else by now', async () => {
    const registry = openMemoryRegistry({ trash: true });
    const image = await pushImage(registry, 'layer');
    await registry.manifests.delete(app, { digest: image });
    const newer = await pushImage(registry, 'newer', [v1]);
    const [entry] = await entriesOf(registry);
    expect(await registry.manifests.restore(entry as TrashEntry)).toEqual([v2]);
    expect((await registry.manifests.get(app, { tag: v1 })).digest).toBe(newer);
  });

  it('keeps all that it needs from being collected, whatever becomes of the index', async () => {
    const registry = openMemoryRegistry({ trash: true, now: () => new Date(Date.now() + 2 * DAY) });
    const image = await pushImage(registry, 'layer');
    await registry.manifests.delete(app, { digest: image });
    const second = openMemoryRegistry({ ...registry, index: new SqliteIndex(':memory:'), trash: true });
    await second.sync.run();
    const store = { ...second.store, now: () => new Date(Date.now() + 4 * DAY) };
    const collector = new Collector({ ...second, store });
    const options = { dryRun: false, grace: DAY, untagged: true };
    expect(await collector.run(options)).toMatchObject({ manifests: 0, links: 0, blobs: 0 });
    const [entry] = await entriesOf(second);
    await second.manifests.restore(entry as TrashEntry);
    expect((await second.manifests.get(app, { tag: v1 })).digest).toBe(image);
    expect((await second.blobs.get(app, digest('layer'))).size).toBe(5);
    await second.manifests.delete(app, { digest: image });
    for (const { id } of await entriesOf(second)) await second.store.trash?.remove(id);
    expect(await collector.run(options)).toMatchObject({ links: 2, blobs: 3 });
  });

  it('says what is gone that an entry needs', async () => {
    const registry = openMemoryRegistry({ trash: true });
    await registry.manifests.delete(app, { digest: await pushImage(registry, 'layer') });
    await registry.blobs.delete(app, digest('layer'));
    const [entry] = await entriesOf(registry);
    await expect(registry.manifests.restore(entry as TrashEntry)).rejects.toThrow(digest('layer'));
  });

  it('has one entry for a delete that was finished later', async () => {
    const registry = openMemoryRegistry({ trash: true });
    const image = await pushImage(registry, 'layer');
    const [pending] = await registry.index.beginDeletes(
      app,
      [{ digest: image }],
      new Date(Date.now() + 1000),
    );
    await registry.manifests.resumeDeletes();
    expect((await entriesOf(registry)).map(({ deletedAt }) => deletedAt)).toEqual([pending?.begunAt]);
  });

  it('gives back a list with its image, whose own tags stay deleted', async () => {
    const registry = openMemoryRegistry({ trash: true });
    const image = await pushImage(registry, 'layer');
    const push = { bytes: indexOf([image]), contentType: '', tags: [parseTag('list')] };
    const { digest: list } = await registry.manifests.put(app, push);
    await registry.manifests.delete(app, { digest: image });
    await registry.manifests.delete(app, { digest: list });
    const entry = (await entriesOf(registry)).find((each) => each.digest === list);
    await new Maintenance(registry).run({ kind: 'restore', id: `${entry?.id}` });
    expect((await registry.index.contents(app)).tags).toEqual(new Map([['list', list]]));
    await registry.manifests.get(app, { digest: image });
    expect(await entriesOf(registry)).toMatchObject([{ digest: image, tags: [v1, v2] }]);
  });

  it('lets go what it holds when nothing is to be kept any more, whatever the clock said', async () => {
    const before = openMemoryRegistry({ trash: true, now: () => new Date(DAY) });
    const { driver, index } = before;
    await pushImage(before, 'layer');
    await before.manifests.delete(app, { tag: v1 });
    const registry = openMemoryRegistry({ driver, index, trash: 'keeps nothing' });
    await registry.manifests.delete(app, { tag: v2 });
    expect(await entriesOf(registry)).toMatchObject([{ tags: [v1] }]);
    const emptied = await new Maintenance(registry).run({ kind: 'empty-trash', olderThan: 0 });
    expect(emptied).toMatchObject({ entries: 1 });
    expect(await entriesOf(registry)).toEqual([]);
    expect(await index.trashIds()).toEqual(new Set());
  });

  it.each([
    ['one that was cut off', '{"id": "x", "deletedAt"'],
    ['JSON of something else', '{}'],
    ['nothing', 'null'],
    ['a name that is none', JSON.stringify({ ...ENTRY, repository: 'UPPER' })],
    ['a copy of another entry', JSON.stringify({ ...ENTRY, id: '20260101T000000000Z-aa' })],
  ])('passes over a file that is no entry, and names it: %s', async (_, text) => {
    const registry = openMemoryRegistry({ trash: true });
    await registry.driver.publish([
      { path: '/berth/trash/x.json', bytes: Buffer.from(text) },
      { path: '/berth/trash/folder.json/y', bytes: Buffer.from(text) },
    ]);
    const strangers: string[] = [];
    expect(await Array.fromAsync(registry.store.trash?.list((path) => strangers.push(path)) ?? [])).toEqual(
      [],
    );
    expect(strangers).toEqual(['/berth/trash/x.json']);
    await registry.store.trash?.compare();
    expect(await registry.index.trashIds()).toEqual(new Set());
    expect(await registry.store.trash?.find('../../x')).toBeUndefined();
  });

  it('takes an entry that is one', async () => {
    const registry = openMemoryRegistry({ trash: true });
    await registry.driver.publish([
      { path: '/berth/trash/x.json', bytes: Buffer.from(JSON.stringify(ENTRY)) },
    ]);
    expect(await entriesOf(registry)).toMatchObject([{ id: 'x', repository: 'team/app' }]);
  });
});

async function entriesOf({ store }: MemoryRegistry): Promise<TrashEntry[]> {
  return Array.fromAsync(store.trash?.list() ?? []);
}

async function pushImage(registry: MemoryRegistry, layer: string, tags = [v1, v2]): Promise<Digest> {
  for (const text of ['config', layer]) await pushBlob(registry, app, text);
  const push = { bytes: imageOf('config', [layer]), contentType: '', tags };
  return (await registry.manifests.put(app, push)).digest;
}
