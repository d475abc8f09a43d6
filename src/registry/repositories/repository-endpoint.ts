import {
  type ImageEndpoint,
  ImageNotFoundError,
  type OpenContent,
  type Pushed,
  type PushOptions,
  readManifestBytes,
  streamOf,
  type Uploads,
} from '../../content/index.js';
import type { ManifestKey } from '../../index/index.js';
import {
  type Descriptor,
  type Digest,
  findDigest,
  MANIFEST_KINDS,
  parseTag,
  type RepositoryName,
} from '../../oci/index.js';
import type { Deed } from '../events/index.js';
import type { Catalog } from './catalog.js';
import type { RepositoryBlobs } from './repository-blobs.js';
import type { RepositoryManifests } from './repository-manifests.js';

const READ_BYTES = 256 * 1024;
const MAX_REFERRERS = 10_000;

type Parts = Readonly<{
  blobs: RepositoryBlobs;
  manifests: RepositoryManifests;
  catalog: Catalog;
  uploads: Uploads;
  /** Is told of what was pushed before the push ends. */
  pushed?: ((deed: Deed) => Promise<void>) | undefined;
}>;

/** A repository of this registry as an end of transfers: what is pushed is as if a client had pushed it. */
export class RepositoryEndpoint implements ImageEndpoint {
  readonly name: string;
  readonly #repository: RepositoryName;
  readonly #parts: Parts;

  constructor(repository: RepositoryName, parts: Parts) {
    this.name = repository;
    this.#repository = repository;
    this.#parts = parts;
  }

  async resolve(key: string): Promise<Descriptor> {
    const found = await this.#parts.manifests.find(this.#repository, parseKey(key));
    if (found === undefined) throw new ImageNotFoundError(`${this.name}:${key}`);
    return { mediaType: found.mediaType, digest: found.digest, size: found.bytes.byteLength };
  }

  async has({ mediaType, digest }: Descriptor): Promise<boolean> {
    const { blobs, manifests } = this.#parts;
    if (!MANIFEST_KINDS.has(mediaType)) return blobs.has(this.#repository, digest);
    return (await manifests.find(this.#repository, { digest })) !== undefined;
  }

  async fetch(
    { mediaType, digest }: Descriptor,
    { offset = 0 }: { offset?: number } = {},
  ): Promise<AsyncIterable<Uint8Array>> {
    const { blobs, manifests } = this.#parts;
    if (MANIFEST_KINDS.has(mediaType)) {
      const { bytes } = await manifests.get(this.#repository, { digest });
      return streamOf(bytes.subarray(offset));
    }
    const blob = await blobs.find(this.#repository, digest);
    return this.#read(() => blobs.open(this.#repository, blob, { start: offset, end: blob.size }));
  }

  async push(descriptor: Descriptor, open: OpenContent, options: PushOptions = {}): Promise<Pushed> {
    const { mediaType, digest, size } = descriptor;
    const { blobs, manifests, uploads, pushed } = this.#parts;
    const repository = this.#repository;
    if (await this.has(descriptor)) return 'present';
    if (MANIFEST_KINDS.has(mediaType)) {
      const bytes = await readManifestBytes(await open(0));
      await manifests.put(repository, { bytes, contentType: mediaType, digest, tags: [] });
      await pushed?.({ action: 'push', kind: 'manifest', repository, digest, mediaType, bytes });
      return 'sent';
    }
    for (const source of await blobs.sourcesOf(digest)) {
      if (!(await blobs.mount(source, repository, digest))) continue;
      await pushed?.({ action: 'mount', kind: 'blob', repository, digest, size, from: source });
      return 'mounted';
    }
    await uploads.take(repository, digest, {
      chunk: { source: told(await open(0), options), length: size },
      publish: (verified) => blobs.publish(repository, digest, verified),
    });
    await pushed?.({ action: 'push', kind: 'blob', repository, digest, size });
    return 'sent';
  }

  async tag({ mediaType, digest }: Descriptor, key: string): Promise<void> {
    const { manifests, pushed } = this.#parts;
    const repository = this.#repository;
    if (findDigest(key) === digest) return;
    const { bytes } = await manifests.get(repository, { digest });
    const tag = parseTag(key);
    await manifests.put(repository, { bytes, contentType: mediaType, digest, tags: [tag] });
    await pushed?.({ action: 'push', kind: 'manifest', repository, digest, mediaType, bytes, tag });
  }

  async referrers(subject: Digest): Promise<readonly Descriptor[]> {
    const page = { limit: MAX_REFERRERS, maxBytes: Number.MAX_SAFE_INTEGER, artifactTypes: [] };
    const { items } = await this.#parts.catalog.referrers(this.#repository, subject, page);
    return items.map(({ artifactType, ...referrer }) => ({
      ...referrer,
      ...(artifactType === undefined ? {} : { artifactType }),
    }));
  }

  async finish(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {}

  async *#read(open: () => ReturnType<RepositoryBlobs['open']>): AsyncGenerator<Uint8Array> {
    await using file = await open();
    for (;;) {
      const buffer = Buffer.allocUnsafeSlow(READ_BYTES); // whoever takes it may give it away
      const count = await file.read(buffer);
      if (count === 0) return;
      yield buffer.subarray(0, count);
    }
  }
}

function parseKey(key: string): ManifestKey {
  const digest = findDigest(key);
  return digest === undefined ? { tag: parseTag(key) } : { digest };
}

async function* told(
  source: AsyncIterable<Uint8Array>,
  { onBytes, signal }: PushOptions,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    signal?.throwIfAborted();
    const bytes = chunk.byteLength; // of nothing, once it was given away
    yield chunk;
    onBytes?.(bytes);
  }
}
