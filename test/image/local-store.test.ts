import {
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { ContentNotFoundError, ContentSizeError, DigestMismatchError } from '../../src/content/index.js';
import { AmbiguousImageError, ImageFormatError, LocalStore } from '../../src/image/index.js';
import { processIdentity } from '../../src/linux/index.js';
import type { Descriptor } from '../../src/oci/index.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import {
  blob,
  type FixtureImage,
  fixtureImage,
  fixtureIndex,
  fixtureReferrer,
  once,
} from './image-fixture.js';

const NAME = 'docker.io/library/app:1';

async function fill(store: LocalStore, image: FixtureImage): Promise<Descriptor> {
  for (const { descriptor, bytes } of image.blobs) await store.push(descriptor, async () => once(bytes));
  return image.manifest;
}

describe('a local store', () => {
  it('gives no image the digest of another', async () => {
    await using folder = await temporaryFolder();
    using store = LocalStore.open(folder.path);
    const image = fixtureImage();
    const manifest = await fill(store, image);
    const other = `docker.io/library/base@${image.config.digest}`;
    expect(() => store.tagMany(manifest, [other])).toThrow(ImageFormatError);
    await expect(store.tag(manifest, other)).rejects.toThrow('which is other content');
    expect(store.find(other)).toBeUndefined();
    store.tagMany(manifest, [`docker.io/library/base@${manifest.digest}`]);
    expect(store.find(`docker.io/library/base@${manifest.digest}`)?.descriptor.digest).toBe(manifest.digest);
  });

  it('is whole in the files that a process leaves behind', async () => {
    await using folder = await temporaryFolder();
    const [root, copy] = [join(folder.path, 'left'), join(folder.path, 'copy')];
    using store = LocalStore.open(root);
    store.tagMany(await fill(store, fixtureImage()), [NAME]);
    store.leave();
    expect(existsSync(join(root, 'berth.sqlite-wal'))).toBe(true);
    expect(readdirSync(join(root, 'tmp'))).toEqual([]);
    for (const name of readdirSync(root).filter((name) => !name.endsWith('-shm')))
      cpSync(join(root, name), join(copy, name), { recursive: true });
    using next = LocalStore.open(copy);
    expect(next.get(NAME).names).toEqual([NAME]);
  });

  it('keeps an image under its names', async () => {
    await using folder = await temporaryFolder();
    const image = fixtureImage();
    {
      using store = LocalStore.open(folder.path);
      store.tagMany(await fill(store, image), [NAME, 'reg.example/app:2']);
    }
    using store = LocalStore.open(folder.path);
    const record = store.get('app:1');
    expect(record).toMatchObject({ id: image.config.digest, names: [NAME, 'reg.example/app:2'] });
    expect(await store.resolve(NAME)).toEqual(image.manifest);
    expect(store.image(record.descriptor).config.config?.Cmd).toEqual(['/bin/sh']);
    for (const text of [
      image.config.digest,
      image.config.digest.slice(7, 19),
      image.manifest.digest,
      'reg.example/app:2',
    ]) {
      expect(store.find(text)?.id, text).toBe(image.config.digest);
    }
    expect(store.find('app')).toBeUndefined();
  });

  it('is an OCI layout for others', async () => {
    await using folder = await temporaryFolder();
    using store = LocalStore.open(folder.path);
    store.tagMany(await fill(store, fixtureImage()), [NAME]);
    const index = JSON.parse(readFileSync(join(folder.path, 'content/index.json'), 'utf8'));
    expect(index.manifests).toEqual([
      { ...fixtureImage().manifest, annotations: { 'org.opencontainers.image.ref.name': NAME } },
    ]);
  });

  it('leaves an image that lost its name without one', async () => {
    await using folder = await temporaryFolder();
    using store = LocalStore.open(folder.path);
    const old = await fill(store, fixtureImage());
    store.tagMany(old, [NAME]);
    store.tagMany(await fill(store, fixtureImage({ created: '2025-01-01T00:00:00Z' })), [NAME]);
    expect(store.images().find(({ descriptor }) => descriptor.digest === old.digest)?.names).toEqual([]);
  });

  it('refuses a short id of several images', async () => {
    await using folder = await temporaryFolder();
    using store = LocalStore.open(folder.path);
    for (let i = 0; i < 20; i++) {
      store.tagMany(await fill(store, fixtureImage({ created: `2024-01-01T00:00:${10 + i}Z` })), []);
    }
    const first = store.images()[0]?.id.slice(7, 8) ?? '';
    const alike = store.images().filter(({ id }) => id.slice(7, 8) === first);
    if (alike.length > 1) expect(() => store.find(first)).toThrow(AmbiguousImageError);
    else expect(store.find(first)?.id).toBe(alike[0]?.id);
  });

  it('finds an image by what a registry calls it', async () => {
    await using folder = await temporaryFolder();
    using store = LocalStore.open(folder.path);
    const image = await fill(store, fixtureImage());
    store.tagMany(image, ['reg.example/app:1']);
    const remote = fixtureImage({ created: '2020-01-01T00:00:00Z' }).manifest.digest;
    store.addRepoDigest(image.digest, 'reg.example/app', remote);
    expect(store.get(`reg.example/app@${remote}`).repoDigests).toEqual([`reg.example/app@${remote}`]);
    expect(store.find(`reg.example/app@${image.digest}`)).toBeDefined();
    expect(store.find(`reg.example/other@${image.digest}`)).toBeUndefined();
  });

  it.each([
    { what: 'other bytes', bytes: Buffer.from('hellO'), error: DigestMismatchError },
    { what: 'fewer bytes', bytes: Buffer.from('hell'), error: ContentSizeError },
    { what: 'more bytes', bytes: Buffer.from('hello!'), error: ContentSizeError },
  ])('keeps nothing of $what than were promised', async ({ bytes, error }) => {
    await using folder = await temporaryFolder();
    using store = LocalStore.open(folder.path);
    const { descriptor } = blob('text/plain', Buffer.from('hello'));
    await expect(store.push(descriptor, async () => once(bytes))).rejects.toThrow(error);
    expect(await store.has(descriptor)).toBe(false);
    expect(readdirSync(store.temporaryDirectory())).toEqual([]);
  });

  it('does not name what is not whole', async () => {
    await using folder = await temporaryFolder();
    using store = LocalStore.open(folder.path);
    const image = fixtureImage();
    for (const { descriptor, bytes } of image.blobs.slice(1))
      await store.push(descriptor, async () => once(bytes));
    expect(() => store.tagMany(image.manifest, [NAME])).toThrow(ContentNotFoundError);
    expect(store.images()).toEqual([]);
  });

  it('takes over finished files', async () => {
    await using folder = await temporaryFolder();
    using store = LocalStore.open(folder.path);
    const { descriptor, bytes } = blob('text/plain', Buffer.from('hello'));
    for (const name of ['first', 'again']) {
      const path = join(store.temporaryDirectory(), name);
      writeFileSync(path, bytes);
      store.adoptBlob(path, descriptor);
    }
    expect(store.read(descriptor.digest)).toEqual(bytes);
    expect(readdirSync(store.temporaryDirectory())).toEqual([]);
  });
});

describe('removing', () => {
  it('takes what nothing else needs', async () => {
    await using folder = await temporaryFolder();
    using store = LocalStore.open(folder.path);
    const base = { 'etc/motd': 'hello' };
    const kept = fixtureImage({ layers: [base] });
    const gone = fixtureImage({ layers: [base, { more: 'files' }] });
    store.tagMany(await fill(store, kept), [NAME]);
    store.tagMany(await fill(store, gone), ['reg.example/gone:1']);
    const removed = store.remove(store.get('reg.example/gone:1'));
    expect(removed).toMatchObject({ untagged: ['reg.example/gone:1'], deleted: [gone.config.digest] });
    expect(kept.blobs.every(({ descriptor }) => store.hasBlob(descriptor.digest))).toBe(true);
    expect(gone.blobs.filter(({ descriptor }) => store.hasBlob(descriptor.digest)).length).toBe(1);
  });

  it('spares what is held, and what is about an image that stays', async () => {
    await using folder = await temporaryFolder();
    using store = LocalStore.open(folder.path);
    const image = fixtureImage();
    store.tagMany(await fill(store, image), [NAME]);
    const note = fixtureReferrer(image.manifest);
    await fill(store, note);
    const held = blob('text/plain', Buffer.from('cached'));
    const loose = blob('text/plain', Buffer.from('loose'));
    for (const { descriptor, bytes } of [held, loose]) await store.push(descriptor, async () => once(bytes));
    store.holds.add('cache', [held.descriptor.digest]);
    expect(store.prune()).toEqual({ removed: [loose.descriptor.digest], reclaimedBytes: 5 });
    expect(await store.referrers(image.manifest.digest)).toMatchObject([{ digest: note.manifest.digest }]);
    store.holds.remove('cache');
    expect(store.prune().removed).toEqual([held.descriptor.digest]);
  });

  it('spares what another process is about to name', async () => {
    await using folder = await temporaryFolder();
    using pulling = LocalStore.open(folder.path);
    using pruning = LocalStore.open(folder.path);
    const image = fixtureImage();
    await fill(pulling, image);
    expect(pruning.prune().removed).toEqual([]);
    pulling.tagMany(image.manifest, [NAME]);
    pruning.remove(pruning.get(NAME));
    expect(await pulling.has(image.manifest)).toBe(true); // still leased
  });

  it('spares what a process is about to name that runs elsewhere', async () => {
    await using folder = await temporaryFolder();
    using store = LocalStore.open(folder.path);
    const { descriptor, bytes } = blob('text/plain', Buffer.from('half'));
    await store.push(descriptor, async () => once(bytes));
    expect(store.prune().removed).toEqual([descriptor.digest]); // its own are given back by a prune
    await store.push(descriptor, async () => once(bytes));
    const elsewhere = join(folder.path, 'tmp', '1-1-elsewhere-0.leases');
    const dead = join(folder.path, 'tmp', processIdentity().replace(/-\d+-/, '-1-').concat('-0.leases'));
    writeFileSync(elsewhere, `${descriptor.digest}\n`);
    expect(store.prune().removed).toEqual([]);
    renameSync(elsewhere, dead);
    expect(store.prune().removed).toEqual([descriptor.digest]);
  });

  it('is kept from an older Berth, which would look for leases elsewhere', async () => {
    await using folder = await temporaryFolder();
    LocalStore.open(folder.path).close();
    using database = new DatabaseSync(join(folder.path, 'berth.sqlite'));
    database.exec('CREATE TABLE leases (holder TEXT, digest TEXT); PRAGMA user_version = 1');
    LocalStore.open(folder.path).close();
    expect(database.prepare('PRAGMA user_version').get()).toEqual({ user_version: 2 });
    expect(() => database.prepare('SELECT * FROM leases').all()).toThrow('no such table');
  });

  it('writes nothing when an image has its name already', async () => {
    await using folder = await temporaryFolder();
    const image = fixtureImage();
    const written = async () => {
      using store = LocalStore.open(folder.path);
      store.tagMany(await fill(store, image), [NAME]);
      expect(store.hasBlob(image.config.digest)).toBe(true);
      const stats = ['content/index.json', 'berth.sqlite', 'berth.sqlite-wal'].map((name) =>
        statSync(join(folder.path, name), { bigint: true }),
      );
      return [stats[0]?.mtimeNs, stats[1]?.mtimeNs, stats[2]?.size];
    };
    await written();
    const [index, database] = await written();
    expect(await written()).toEqual([index, database, 0n]);
  });
});

describe('a store without its database', () => {
  it.each(['lost', 'damaged'])('%s, knows the images by index.json', async (how) => {
    await using folder = await temporaryFolder();
    const platforms = ['amd64', 'arm64'].map((architecture) => ({ os: 'linux', architecture }));
    const images = platforms.map((platform) => ({ platform, image: fixtureImage({ platform }) }));
    {
      using store = LocalStore.open(folder.path);
      store.tagMany(await fill(store, fixtureIndex(images)), [NAME]);
    }
    if (how === 'lost') rmSync(join(folder.path, 'berth.sqlite'));
    else writeFileSync(join(folder.path, 'berth.sqlite'), Buffer.alloc(8192, 'x'));
    using store = LocalStore.open(folder.path);
    expect(store.get('app:1').id).toBe(images[0]?.image.config.digest);
    expect(store.prune().removed).toEqual([]);
  });
});

describe('another form of an image that is here', () => {
  it('takes its place, and what registries call it', async () => {
    await using folder = await temporaryFolder();
    using store = LocalStore.open(folder.path);
    const [packed, plain] = [fixtureImage(), fixtureImage({ compression: 'none' })];
    store.tagMany(await fill(store, packed), [NAME, `docker.io/library/app@${packed.manifest.digest}`]);
    store.close();
    using later = LocalStore.open(folder.path);
    later.tagMany(await fill(later, plain), [NAME]);
    expect(later.images().length).toBe(1);
    expect(later.get(NAME).repoDigests).toEqual([`docker.io/library/app@${packed.manifest.digest}`]);
    expect(later.sizeOf(packed.manifest.digest)).toBeUndefined();
    expect(later.sizeOf(plain.manifest.digest)).toBeDefined();
  });
});
