import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { choosePlatform, copy, LocalStore, RewrittenImages } from '../../src/image/index.js';
import { MEDIA_TYPES } from '../../src/oci/index.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { blob, type FixtureImage, fixtureImage, once } from './image-fixture.js';

const NAME = 'docker.io/library/app:1';
const ARM = { os: 'linux', architecture: 'arm64' };

async function fill(store: LocalStore, image: FixtureImage): Promise<void> {
  for (const { descriptor, bytes } of image.blobs) await store.push(descriptor, async () => once(bytes));
}

describe('indexes that name each other a million times', () => {
  /** Each has ten times the one before. */
  function nested(depth: number): FixtureImage {
    const image = fixtureImage();
    const indexes = [];
    for (let i = 0, child = image.manifest; i < depth; i += 1) {
      const value = { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests: Array(10).fill(child) };
      const index = blob(MEDIA_TYPES.ociIndex, Buffer.from(JSON.stringify(value)));
      indexes.push(index);
      child = index.descriptor;
    }
    const manifest = indexes.at(-1)?.descriptor ?? image.manifest;
    return { ...image, manifest, blobs: [...image.blobs, ...indexes] };
  }

  it('are read once each', async () => {
    await using folder = await temporaryFolder();
    using store = LocalStore.open(folder.path);
    const image = nested(30);
    await fill(store, image);
    store.tagMany(image.manifest, [NAME]);
    expect(store.get(NAME).id).toBe(image.config.digest);
    expect(() => store.image(image.manifest, ARM)).toThrow('no image for linux/arm64 is here');
    await expect(choosePlatform(store, image.manifest, { platform: ARM })).rejects.toThrow('no image for');
    const docker = new RewrittenImages(store, { format: 'docker' });
    using other = LocalStore.open(join(folder.path, 'other'));
    const copied = await copy(docker, NAME, other, [NAME]);
    expect(copied.mediaType).toBe(MEDIA_TYPES.dockerManifestList);
  });

  it('do not keep names from being found again when the database is lost', async () => {
    await using folder = await temporaryFolder();
    const image = nested(30);
    {
      using store = LocalStore.open(folder.path);
      await fill(store, image);
      store.tagMany(image.manifest, [NAME]);
    }
    for (const suffix of ['', '-wal', '-shm'])
      rmSync(join(folder.path, `berth.sqlite${suffix}`), { force: true });
    using store = LocalStore.open(folder.path);
    expect(store.get(NAME).id).toBe(image.config.digest);
  });
});
