import { randomBytes } from 'node:crypto';
import { createReadStream, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { DigestMismatchError, ImageNotFoundError } from '../../src/content/index.js';
import {
  ArchiveImages,
  ArchiveOutput,
  type CompressionOptions,
  compressed,
  copy,
  DockerArchiveWriter,
  ImageFormatError,
  LayoutDirectory,
  LocalStore,
  OciArchiveWriter,
  RewrittenImages,
  readContent,
} from '../../src/image/index.js';
import { MEDIA_TYPES, parseManifest } from '../../src/oci/index.js';
import { tarOf } from '../support/tar.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import {
  blob,
  type FixtureImage,
  fixtureImage,
  fixtureIndex,
  fixtureReferrer,
  fixtureStatement,
  once,
} from './image-fixture.js';

const NAME = 'docker.io/library/app:1';
const ARM = { os: 'linux', architecture: 'arm64' };
const AMD = { os: 'linux', architecture: 'amd64' };

async function storeWith(path: string, image: FixtureImage, names = [NAME]): Promise<LocalStore> {
  const store = LocalStore.open(path);
  for (const { descriptor, bytes } of image.blobs) await store.push(descriptor, async () => once(bytes));
  store.tagMany(image.manifest, names);
  return store;
}

async function writerFor(store: LocalStore, path: string) {
  return {
    name: path,
    output: await ArchiveOutput.toFile(path),
    temporary: () => store.temporaryDirectory(),
  };
}

describe('a docker archive', () => {
  it.each(['gzip', 'none'] as const)('holds the image, whose layers were %s', async (compression) => {
    await using folder = await temporaryFolder();
    const image = fixtureImage({ compression, layers: [{ a: '1' }, { b: '2' }, { c: '3' }] });
    using store = await storeWith(join(folder.path, 'a'), image);
    const path = join(folder.path, 'app.tar');
    {
      await using writer = new DockerArchiveWriter(await writerFor(store, path));
      await copy(store, NAME, writer, [NAME, 'reg.example/x/app:2']);
    }
    await using archive = await ArchiveImages.open(path, { temporary: () => store.temporaryDirectory() });
    expect(archive.images.map(({ names }) => names)).toEqual([[NAME, 'reg.example/x/app:2']]);
    using other = LocalStore.open(join(folder.path, 'b'));
    await copy(archive, '', other, [NAME]);
    const { config, manifest } = other.image(other.get(NAME).descriptor);
    expect(other.get(NAME).id).toBe(image.config.digest);
    expect(config.rootfs.diff_ids).toEqual(image.diffIDs);
    expect(manifest.layers.map(({ digest }) => digest)).toEqual(image.diffIDs);
  });

  it('holds images that have a layer in common, compressed in one and not in the other', async () => {
    await using folder = await temporaryFolder();
    const layers = [{ a: '1' }, { b: '2' }];
    const packed = fixtureImage({ layers });
    const plain = fixtureImage({ layers, compression: 'none', created: '2025-01-01T00:00:00Z' });
    using store = await storeWith(join(folder.path, 'a'), packed);
    for (const { descriptor, bytes } of plain.blobs) await store.push(descriptor, async () => once(bytes));
    store.tagMany(plain.manifest, ['docker.io/library/plain:1']);
    const path = join(folder.path, 'both.tar');
    {
      await using writer = new DockerArchiveWriter(await writerFor(store, path));
      await copy(store, NAME, writer, [NAME], { more: true });
      await copy(store, 'docker.io/library/plain:1', writer, ['docker.io/library/plain:1']);
    }
    await using archive = await ArchiveImages.open(path, { temporary: () => store.temporaryDirectory() });
    expect(archive.images.map(({ names }) => names)).toEqual([[NAME], ['docker.io/library/plain:1']]);
  });

  it('is read from a pipe, compressed', async () => {
    await using folder = await temporaryFolder();
    const image = fixtureImage();
    using store = await storeWith(join(folder.path, 'a'), image);
    const path = join(folder.path, 'app.tar');
    {
      await using writer = new DockerArchiveWriter(await writerFor(store, path));
      await copy(store, NAME, writer, [NAME]);
    }
    writeFileSync(`${path}.gz`, gzipSync(readFileSync(path)));
    await using archive = await ArchiveImages.open(createReadStream(`${path}.gz`), {
      temporary: () => store.temporaryDirectory(),
    });
    expect(archive.images[0]?.names).toEqual([NAME]);
  });

  it('is understood in the form of before docker 25, links to shared layers included', async () => {
    await using folder = await temporaryFolder();
    const image = fixtureImage({ compression: 'none' });
    const [layer, config] = image.blobs;
    const path = join(folder.path, 'old.tar');
    const manifest = [{ Config: 'abc.json', RepoTags: ['app:1'], Layers: ['one/layer.tar'] }];
    writeFileSync(
      path,
      tarOf({
        'one/VERSION': Buffer.from('1.0'),
        'one/layer.tar': layer?.bytes ?? Buffer.alloc(0),
        'abc.json': config?.bytes ?? Buffer.alloc(0),
        'manifest.json': Buffer.from(JSON.stringify(manifest)),
      }),
    );
    using store = LocalStore.open(join(folder.path, 'a'));
    await using archive = await ArchiveImages.open(path, { temporary: () => store.temporaryDirectory() });
    await copy(archive, NAME, store, [NAME]);
    expect(store.get('app:1').id).toBe(image.config.digest);
  });

  it('is refused where a layer is not what the configuration says', async () => {
    await using folder = await temporaryFolder();
    const [, config] = fixtureImage({ compression: 'none' }).blobs;
    const path = join(folder.path, 'bad.tar');
    const manifest = [{ Config: 'c.json', RepoTags: null, Layers: ['l.tar'] }];
    writeFileSync(
      path,
      tarOf({
        'l.tar': tarOf({ other: Buffer.from('x') }),
        'c.json': config?.bytes ?? Buffer.alloc(0),
        'manifest.json': Buffer.from(JSON.stringify(manifest)),
      }),
    );
    using store = LocalStore.open(join(folder.path, 'a'));
    await using archive = await ArchiveImages.open(path, { temporary: () => store.temporaryDirectory() });
    await expect(copy(archive, '', store, [NAME])).rejects.toThrow(DigestMismatchError);
    expect(store.images()).toEqual([]);
  });

  it('cannot be what is no archive', async () => {
    await using folder = await temporaryFolder();
    const temporary = () => folder.path;
    for (const [name, bytes] of Object.entries({
      text: Buffer.from('hello world'),
      tar: tarOf({ a: Buffer.from('b') }),
    })) {
      const path = join(folder.path, name);
      writeFileSync(path, bytes);
      await expect(ArchiveImages.open(path, { temporary }), name).rejects.toThrow(ImageFormatError);
    }
  });

  it('leaves no file when it fails', async () => {
    await using folder = await temporaryFolder();
    const index = fixtureIndex([{ image: fixtureImage(), platform: AMD }]);
    using store = await storeWith(join(folder.path, 'a'), index);
    const path = join(folder.path, 'app.tar');
    const write = async () => {
      await using writer = new DockerArchiveWriter(await writerFor(store, path));
      await copy(store, NAME, writer, [NAME]);
    };
    await expect(write()).rejects.toThrow('cannot hold several platforms');
    expect(existsSync(path)).toBe(false);
  });
});

describe('an OCI archive', () => {
  it('holds whole indexes to the byte, and what is about them', async () => {
    await using folder = await temporaryFolder();
    const index = fixtureIndex([
      { image: fixtureImage({ platform: AMD }), platform: AMD },
      { image: fixtureImage({ platform: ARM }), platform: ARM },
    ]);
    using store = await storeWith(join(folder.path, 'a'), index);
    const note = fixtureReferrer(index.manifest);
    for (const { descriptor, bytes } of note.blobs) await store.push(descriptor, async () => once(bytes));
    const path = join(folder.path, 'app.tar');
    {
      await using writer = new OciArchiveWriter(await writerFor(store, path));
      await copy(store, NAME, writer, [NAME], { referrers: true });
    }
    await using archive = await ArchiveImages.open(path, { temporary: () => folder.path });
    using other = LocalStore.open(join(folder.path, 'b'));
    expect(await copy(archive, NAME, other, [NAME])).toEqual(index.manifest);
    expect(archive.images.length).toBe(1);
    expect(await archive.resolve('')).toEqual(index.manifest);
    expect(other.hasBlob(note.manifest.digest)).toBe(false);
    await copy(archive, NAME, other, [NAME], { referrers: true });
    const artifactType = 'application/vnd.example.note';
    expect(await other.referrers(index.manifest.digest)).toEqual([{ ...note.manifest, artifactType }]);
    for (const { descriptor } of index.blobs) expect(other.hasBlob(descriptor.digest)).toBe(true);
    const arm = await copy(archive, NAME, other, ['docker.io/library/arm:1'], { platform: ARM });
    expect(other.image(arm).config.architecture).toBe('arm64');
    await expect(
      copy(archive, NAME, other, [], { platform: { os: 'linux', architecture: 's390x' } }),
    ).rejects.toThrow('has no image for linux/s390x; it has linux/amd64, linux/arm64');
  });
});

describe('an OCI layout directory', () => {
  it('keeps several images by name', async () => {
    await using folder = await temporaryFolder();
    using store = await storeWith(join(folder.path, 'a'), fixtureImage());
    const layout = LayoutDirectory.create(join(folder.path, 'layout'));
    await copy(store, NAME, layout, ['1', 'latest']);
    await copy(store, NAME, layout, ['1']);
    const again = LayoutDirectory.open(join(folder.path, 'layout'));
    expect(again.images().length).toBe(2);
    expect(await again.resolve('latest')).toEqual(fixtureImage().manifest);
    expect(await again.resolve('')).toEqual(fixtureImage().manifest);
    await expect(again.resolve('none')).rejects.toThrow(ImageNotFoundError);
    expect(() => LayoutDirectory.open(folder.path)).toThrow(ImageFormatError);
  });

  it('lists what is about an image beside it, as oras does, and tells the two apart', async () => {
    await using folder = await temporaryFolder();
    const image = fixtureImage();
    const note = fixtureReferrer(image.manifest);
    using store = await storeWith(join(folder.path, 'a'), image);
    for (const { descriptor, bytes } of note.blobs) await store.push(descriptor, async () => once(bytes));
    const layout = LayoutDirectory.create(join(folder.path, 'layout'));
    await copy(store, NAME, layout, [''], { referrers: true });
    const listed = { ...note.manifest, artifactType: 'application/vnd.example.note' };
    const index = JSON.parse(readFileSync(join(folder.path, 'layout/index.json'), 'utf8'));
    expect(index.manifests).toEqual([image.manifest, listed]);
    expect(await layout.resolve('')).toEqual(image.manifest);
    expect(await layout.referrers(image.manifest.digest)).toEqual([listed]);
  });
});

describe('another form of an image', () => {
  it('has the statements about it, which are about this form then, and no signatures', async () => {
    await using folder = await temporaryFolder();
    const image = fixtureImage();
    using store = await storeWith(join(folder.path, 'a'), image);
    const about = [fixtureReferrer(image.manifest), fixtureStatement(image.manifest)];
    for (const { descriptor, bytes } of about.flatMap(({ blobs }) => blobs))
      await store.push(descriptor, async () => once(bytes));
    using other = LocalStore.open(join(folder.path, 'b'));
    const docker = new RewrittenImages(store, { format: 'docker' });
    const root = await copy(docker, NAME, other, [NAME], { referrers: true });
    expect(root.digest).not.toBe(image.manifest.digest);
    const referrers = await other.referrers(root.digest);
    expect(referrers).toMatchObject([{ artifactType: MEDIA_TYPES.inToto }]);
    const manifest = JSON.parse(other.read(referrers[0]?.digest ?? root.digest).toString());
    expect(manifest.subject).toEqual(root);
    const statement = JSON.parse(other.read(manifest.layers[0].digest).toString());
    expect(statement.subject).toEqual([{ name: 'app', digest: { sha256: root.digest.slice(7) } }]);
    expect(statement.predicate).toEqual({ said: 'so' });
    // In the same form all goes along.
    const same = await copy(new RewrittenImages(store, {}), NAME, other, [NAME], { referrers: true });
    expect((await other.referrers(same.digest)).length).toBe(2);
  });

  it('has the media types of docker, and back', async () => {
    await using folder = await temporaryFolder();
    using store = await storeWith(join(folder.path, 'a'), fixtureImage());
    const layout = LayoutDirectory.create(join(folder.path, 'layout'));
    const docker = await copy(new RewrittenImages(store, { format: 'docker' }), NAME, layout, ['d']);
    expect(docker.mediaType).toBe(MEDIA_TYPES.dockerManifest);
    expect(docker.digest).toBe(fixtureImage({ docker: true }).manifest.digest);
    const back = await copy(new RewrittenImages(layout, { format: 'oci' }), 'd', layout, ['o']);
    expect(back).toEqual(fixtureImage().manifest);
  });

  it.each(['gzip', 'zstd'] as const)('has its layers compressed with %s, once', async (compression) => {
    await using folder = await temporaryFolder();
    using store = await storeWith(
      join(folder.path, 'a'),
      fixtureImage({ compression: 'none', layers: [{ a: '1' }, { b: '2' }] }),
    );
    const layout = LayoutDirectory.create(join(folder.path, 'layout'));
    const root = await copy(compressed(store, { compression }), NAME, layout, ['1']);
    const manifest = parseManifest(Buffer.concat(await Array.fromAsync(await layout.fetch(root))), '');
    expect(manifest.layers.map(({ mediaType }) => mediaType)).toEqual(
      Array(2).fill(compression === 'gzip' ? MEDIA_TYPES.ociLayerGzip : MEDIA_TYPES.ociLayerZstd),
    );
    const told: string[] = [];
    const again = compressed(store, { compression, onProgress: ({ kind }) => told.push(kind) });
    expect(await again.resolve(NAME)).toEqual(root);
    expect(told).toEqual([]);
    // It goes with the image.
    store.remove(store.get(NAME));
    expect(manifest.layers.map(({ digest }) => store.sizeOf(digest))).toEqual([undefined, undefined]);
  });

  it('leaves layers as they are that would not become smaller, unless another form is wanted', async () => {
    await using folder = await temporaryFolder();
    const random = randomBytes(4 * 2 ** 20);
    const image = fixtureImage({
      compression: 'none',
      layers: [{ random }, { text: 'a'.repeat(5 * 2 ** 20) }],
    });
    await using store = await storeWith(join(folder.path, 'a'), image);
    const typesOf = async (options: Partial<CompressionOptions>) => {
      const images = compressed(store, { compression: 'gzip', ...options });
      const manifest = parseManifest(await readContent(images, await images.resolve(NAME)), '');
      return manifest.layers.map(({ mediaType }) => mediaType);
    };
    const { ociLayer, ociLayerGzip } = MEDIA_TYPES;
    expect(await typesOf({ onlyIfSmaller: true })).toEqual([ociLayer, ociLayerGzip]);
    expect(await typesOf({})).toEqual([ociLayerGzip, ociLayerGzip]);
    // What has been sent in one form stays in it.
    expect(await typesOf({ onlyIfSmaller: true })).toEqual([ociLayerGzip, ociLayerGzip]);
  });

  it('is refused where the configuration names a layer that it does not have', async () => {
    await using folder = await temporaryFolder();
    const [honest, other] = [{ a: '1' }, { a: '2' }].map((tree) => fixtureImage({ layers: [tree] }));
    if (honest === undefined || other === undefined) throw new Error('no fixtures');
    const manifest = JSON.parse(String(honest.blobs.at(-1)?.bytes));
    const forged = blob(
      MEDIA_TYPES.ociManifest,
      Buffer.from(JSON.stringify({ ...manifest, layers: other.layers })),
    );
    const blobs = [...honest.blobs, ...other.blobs, forged];
    using store = await storeWith(join(folder.path, 'a'), { ...honest, manifest: forged.descriptor, blobs });
    const images = compressed(store, { compression: 'zstd', force: true });
    await expect(images.resolve(NAME)).rejects.toThrow(DigestMismatchError);
  });

  it('leaves compressed layers, and with them the manifest, as they are', async () => {
    await using folder = await temporaryFolder();
    const image = fixtureImage({ compression: 'gzip' });
    using store = await storeWith(join(folder.path, 'a'), image);
    expect(await compressed(store, { compression: 'zstd' }).resolve(NAME)).toEqual(image.manifest);
    const forced = await compressed(store, { compression: 'zstd', force: true }).resolve(NAME);
    expect(forced.digest).not.toBe(image.manifest.digest);
  });
});
