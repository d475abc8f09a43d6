import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { type Descriptor, type Digest, MEDIA_TYPES, type Platform } from '../../src/oci/index.js';
import { tarOf } from '../support/tar.js';

/** Content by digest, for a store or a layout to be filled with. */
export type FixtureImage = Readonly<{
  manifest: Descriptor;
  config: Descriptor;
  layers: readonly Descriptor[];
  diffIDs: readonly Digest[];
  /** Children first. */
  blobs: readonly Readonly<{ descriptor: Descriptor; bytes: Buffer }>[];
}>;

export type FixtureOptions = Readonly<{
  /** One layer for each: files by path. */
  layers?: readonly Readonly<Record<string, string | Buffer>>[];
  compression?: 'gzip' | 'none';
  platform?: Platform;
  created?: string;
  config?: object;
  docker?: boolean;
}>;

/** A small image, always the same for the same options. */
export function fixtureImage(options: FixtureOptions = {}): FixtureImage {
  const { layers: trees = [{ 'etc/motd': 'hello' }], compression = 'gzip', docker = false } = options;
  const { platform = { os: 'linux', architecture: 'amd64' } } = options;
  const tars = trees.map((tree) =>
    tarOf(
      Object.fromEntries(
        Object.entries(tree).map(([path, text]) => [
          path,
          typeof text === 'string' ? Buffer.from(text) : text,
        ]),
      ),
    ),
  );
  const layers = tars.map((tar) => {
    const bytes = compression === 'gzip' ? gzipSync(tar) : tar;
    return blob(layerType(compression, docker), bytes);
  });
  const config = json(docker ? MEDIA_TYPES.dockerConfig : MEDIA_TYPES.ociConfig, {
    created: options.created ?? '2024-05-06T07:08:09Z',
    ...platform,
    config: { Cmd: ['/bin/sh'], Env: ['PATH=/bin'], Labels: { team: 'blue' }, ...options.config },
    rootfs: { type: 'layers', diff_ids: tars.map(digestOf) },
    history: trees.map((_, i) => ({ created: '2024-05-06T07:08:09Z', created_by: `COPY ${i} / # buildkit` })),
  });
  const manifest = json(docker ? MEDIA_TYPES.dockerManifest : MEDIA_TYPES.ociManifest, {
    schemaVersion: 2,
    mediaType: docker ? MEDIA_TYPES.dockerManifest : MEDIA_TYPES.ociManifest,
    config: config.descriptor,
    layers: layers.map(({ descriptor }) => descriptor),
  });
  return {
    manifest: manifest.descriptor,
    config: config.descriptor,
    layers: layers.map(({ descriptor }) => descriptor),
    diffIDs: tars.map(digestOf),
    blobs: [...layers, config, manifest],
  };
}

/** An index over images for several platforms. */
export function fixtureIndex(images: readonly { image: FixtureImage; platform: Platform }[]): FixtureImage {
  const index = json(MEDIA_TYPES.ociIndex, {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociIndex,
    manifests: images.map(({ image, platform }) => ({ ...image.manifest, platform })),
  });
  const [first] = images;
  if (first === undefined) throw new RangeError('an index of nothing');
  return {
    ...first.image,
    manifest: index.descriptor,
    blobs: [...images.flatMap(({ image }) => image.blobs), index],
  };
}

/** A manifest about another one. */
export function fixtureReferrer(subject: Descriptor): FixtureImage {
  const note = blob('text/plain', Buffer.from(`about ${subject.digest}`));
  return referrerWith(subject, note, 'application/vnd.example.note');
}

/** An in-toto statement about an image, which is not signed. */
export function fixtureStatement(subject: Descriptor): FixtureImage {
  const statement = json(MEDIA_TYPES.inToto, {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: 'app', digest: { sha256: subject.digest.slice('sha256:'.length) } }],
    predicateType: 'https://example.com/v1',
    predicate: { said: 'so' },
  });
  return referrerWith(subject, statement, MEDIA_TYPES.inToto);
}

function referrerWith(
  subject: Descriptor,
  layer: Readonly<{ descriptor: Descriptor; bytes: Buffer }>,
  artifactType: string,
): FixtureImage {
  const config = blob(MEDIA_TYPES.ociEmpty, Buffer.from('{}'));
  const manifest = json(MEDIA_TYPES.ociManifest, {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociManifest,
    artifactType,
    config: config.descriptor,
    layers: [layer.descriptor],
    subject,
  });
  return {
    manifest: manifest.descriptor,
    config: config.descriptor,
    layers: [layer.descriptor],
    diffIDs: [],
    blobs: [config, layer, manifest],
  };
}

export async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

export function blob(mediaType: string, bytes: Buffer): { descriptor: Descriptor; bytes: Buffer } {
  return { descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length }, bytes };
}

function json(mediaType: string, value: object): { descriptor: Descriptor; bytes: Buffer } {
  return blob(mediaType, Buffer.from(JSON.stringify(value)));
}

function layerType(compression: 'gzip' | 'none', docker: boolean): string {
  if (docker) return compression === 'gzip' ? MEDIA_TYPES.dockerLayerGzip : MEDIA_TYPES.dockerLayer;
  return compression === 'gzip' ? MEDIA_TYPES.ociLayerGzip : MEDIA_TYPES.ociLayer;
}

function digestOf(bytes: Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}` as Digest;
}
