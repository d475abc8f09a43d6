import { createHash } from 'node:crypto';
import { decompress } from '../layer/index.js';
import {
  type Descriptor,
  type Digest,
  digestOf,
  digestOfBytes,
  MEDIA_TYPES,
  parseImageConfig,
  parseReference,
  shortName,
  shortReference,
} from '../oci/index.js';
import { ArchiveWriter, blobPath } from './archive-writer.js';
import type { DockerManifestEntry } from './docker-archive-index.js';
import { ImageFormatError } from './errors.js';
import { CONTAINERD_NAME, REF_NAME } from './layout-names.js';
import { isIndexType, parseStored } from './manifests.js';
import { compressionOf } from './media-type-format.js';
import { readContent } from './read-content.js';

type Layer = Readonly<{ digest: Digest; size: number }>;

/**
 * What `docker load` of any version reads: uncompressed layers under manifest.json and, as `docker save` writes it
 * since version 25, also an OCI layout of the same files.
 */
export class DockerArchiveWriter extends ArchiveWriter {
  /** Uncompressed layers, by the digests of what was pushed. */
  readonly #layers = new Map<Digest, Layer>();
  readonly #small = new Map<Digest, Buffer>();
  /** Short names, by the manifest that was tagged. */
  readonly #tags = new Map<Digest, Readonly<{ descriptor: Descriptor; names: string[] }>>();

  /** @param key a whole name; anything else leaves the image without one. */
  override async tag(descriptor: Descriptor, key: string): Promise<void> {
    const known = this.#tags.get(descriptor.digest) ?? { descriptor, names: [] };
    if (key.includes('/') && !key.includes('@')) known.names.push(key);
    this.#tags.set(descriptor.digest, known);
  }

  override async finish(): Promise<void> {
    const entries: DockerManifestEntry[] = [];
    const index: Descriptor[] = [];
    const repositories: Record<string, Record<string, string>> = {};
    for (const { descriptor, names } of this.#tags.values()) {
      const { entry, manifest } = await this.#writeImage(descriptor, names);
      entries.push(entry);
      index.push(...(names.length === 0 ? [manifest] : names.map((name) => annotated(manifest, name))));
      addRepositories(repositories, names, entry.Layers.at(-1));
    }
    const manifests = { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests: index };
    await this.writeFile('oci-layout', '{"imageLayoutVersion":"1.0.0"}');
    await this.writeFile('index.json', JSON.stringify(manifests));
    await this.writeFile('manifest.json', JSON.stringify(entries));
    await this.writeFile('repositories', JSON.stringify(repositories));
    await this.output.finish();
  }

  protected override async pushManifest(descriptor: Descriptor, bytes: Buffer): Promise<void> {
    if (isIndexType(descriptor.mediaType)) {
      throw new ImageFormatError(
        `${this.name} cannot hold several platforms: choose one, or write an OCI archive`,
      );
    }
    await super.pushManifest(descriptor, bytes);
  }

  protected override async pushBlob(
    descriptor: Descriptor,
    source: AsyncIterable<Uint8Array>,
  ): Promise<void> {
    const compression = compressionOf(descriptor.mediaType);
    if (compression === undefined) return this.#keepSmall(descriptor, source);
    const layer = compression === 'none' ? descriptor : await this.#unpack(descriptor, source);
    const content = compression === 'none' ? source : await this.waiting.open(layer.digest);
    this.#layers.set(descriptor.digest, layer);
    await this.writeBlob({ ...layer, mediaType: MEDIA_TYPES.ociLayer }, content);
    if (compression !== 'none') this.waiting.remove(layer.digest);
  }

  async #keepSmall(descriptor: Descriptor, source: AsyncIterable<Uint8Array>): Promise<void> {
    const bytes = await readContent({ name: this.name, fetch: async () => source }, descriptor);
    this.#small.set(descriptor.digest, bytes);
    await this.writeBlob(descriptor, once(bytes));
  }

  /** The size must be known before the first byte of a tar's member, so it is unpacked into a file first. */
  async #unpack(descriptor: Descriptor, source: AsyncIterable<Uint8Array>): Promise<Layer> {
    const hasher = createHash('sha256');
    const layer = await this.waiting.add(decompress(hashed(source, hasher)));
    if (descriptor.digest.startsWith('sha256:')) {
      const actual = digestOf('sha256', hasher.digest('hex'));
      if (actual !== descriptor.digest)
        throw new ImageFormatError(`${descriptor.digest} has the content of ${actual}`);
    }
    return layer;
  }

  async #writeImage(descriptor: Descriptor, names: readonly string[]) {
    const { config, layers } = parseStored(
      this.manifests.get(descriptor.digest) ?? Buffer.alloc(0),
      descriptor,
    );
    const configBytes = config && this.#small.get(config.digest);
    if (config === undefined || configBytes === undefined)
      throw new ImageFormatError('the image has no configuration');
    const unpacked = layers.map((layer) => this.#layer(layer));
    checkDiffIDs(configBytes, unpacked);
    const bytes = Buffer.from(JSON.stringify(manifestOf(config, unpacked)));
    const manifest = {
      mediaType: MEDIA_TYPES.ociManifest,
      digest: digestOfBytes('sha256', bytes),
      size: bytes.length,
    };
    await this.writeBlob(manifest, once(bytes));
    const entry: DockerManifestEntry = {
      Config: blobPath(config.digest),
      RepoTags: names.map((name) => shortReference(parseReference(name))),
      Layers: unpacked.map(({ digest }) => blobPath(digest)),
    };
    return { entry, manifest };
  }

  #layer(layer: Descriptor): Layer {
    const unpacked = this.#layers.get(layer.digest);
    // Another image may have brought the same tar compressed.
    if (unpacked === undefined && compressionOf(layer.mediaType) === 'none' && this.hasWritten(layer.digest))
      return layer;
    if (unpacked === undefined)
      throw new ImageFormatError(`${layer.mediaType} cannot be kept in ${this.name}`);
    return unpacked;
  }
}

function manifestOf(config: Descriptor, layers: readonly Layer[]): object {
  return {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociManifest,
    config: { mediaType: MEDIA_TYPES.ociConfig, digest: config.digest, size: config.size },
    layers: layers.map(({ digest, size }) => ({ mediaType: MEDIA_TYPES.ociLayer, digest, size })),
  };
}

function checkDiffIDs(config: Uint8Array, layers: readonly Layer[]): void {
  const diffIDs = parseImageConfig(config).rootfs.diff_ids;
  const isRight = diffIDs.length === layers.length && layers.every(({ digest }, i) => digest === diffIDs[i]);
  if (!isRight) throw new ImageFormatError("the layers are not those that the image's configuration names");
}

function annotated(manifest: Descriptor, name: string): Descriptor {
  const tag = name.slice(name.lastIndexOf(':') + 1);
  return { ...manifest, annotations: { [CONTAINERD_NAME]: name, [REF_NAME]: tag } };
}

/** For docker before 1.10, by repository and tag. */
function addRepositories(
  repositories: Record<string, Record<string, string>>,
  names: readonly string[],
  topLayer: string | undefined,
): void {
  if (topLayer === undefined) return;
  for (const name of names) {
    const reference = parseReference(name);
    if (!('tag' in reference.key)) continue;
    const tags = repositories[shortName(reference)] ?? {};
    tags[reference.key.tag] = topLayer.slice(topLayer.lastIndexOf('/') + 1);
    repositories[shortName(reference)] = tags;
  }
}

async function* hashed(source: AsyncIterable<Uint8Array>, hasher: { update(chunk: Uint8Array): unknown }) {
  for await (const chunk of source) {
    hasher.update(chunk);
    yield chunk;
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
