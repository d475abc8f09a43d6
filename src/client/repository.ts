import type { ImageEndpoint, OpenContent, Pushed, PushOptions } from '../content/index.js';
import { ImageNotFoundError } from '../content/index.js';
import type { Descriptor, Digest, RepositoryName } from '../oci/index.js';
import { findDigest, keyText, type ManifestKey, parseTag } from '../oci/index.js';
import { repositoryScope } from './auth/scope.js';
import type { FoundBlob } from './blob-download.js';
import { RepositoryBlobs } from './blobs.js';
import { isManifestType, RepositoryManifests } from './manifests.js';
import { readPages } from './paging.js';
import { Referrers } from './referrers.js';
import type { RegistryHost } from './registry-host.js';

export type ListOptions = Readonly<{
  /** Begin after this one. */
  last?: string;
  pageSize?: number;
  signal?: AbortSignal;
}>;

/** One repository of one registry, as an end of transfers and for its tags. */
export class Repository implements ImageEndpoint {
  /** `reg.example/team/app` */
  readonly name: string;
  readonly #host: RegistryHost;
  readonly #path: RepositoryName;
  readonly #blobs: RepositoryBlobs;
  readonly #manifests: RepositoryManifests;
  readonly #referrers: Referrers;

  constructor(host: RegistryHost, path: RepositoryName) {
    this.name = `${host.registry}/${path}`;
    this.#host = host;
    this.#path = path;
    this.#blobs = new RepositoryBlobs(host, path);
    this.#manifests = new RepositoryManifests(host, path);
    this.#referrers = new Referrers(host, path, this.#manifests);
  }

  /** @param key a tag or a digest; `''` is the tag `latest`. Content of a digest is not read. */
  async resolve(key: string, options: { signal?: AbortSignal } = {}): Promise<Descriptor> {
    const parsed = parseKey(key);
    const found = await this.#manifests.find(parsed, options);
    if (found !== undefined) return found;
    throw new ImageNotFoundError(`${this.name}${'digest' in parsed ? '@' : ':'}${keyText(parsed)}`);
  }

  async has(descriptor: Descriptor, options: { signal?: AbortSignal } = {}): Promise<boolean> {
    if (!isManifestType(descriptor.mediaType)) return this.#blobs.has(descriptor, options);
    return (await this.#manifests.find({ digest: descriptor.digest }, options)) !== undefined;
  }

  /** A dropped connection is made again, and the content goes on where it was. Manifests are verified. */
  async fetch(
    descriptor: Descriptor,
    options: { offset?: number; signal?: AbortSignal } = {},
  ): Promise<AsyncIterable<Uint8Array>> {
    if (!isManifestType(descriptor.mediaType)) return this.#blobs.open(descriptor, options);
    const bytes = await this.#manifests.read(descriptor, options);
    return chunksOf(bytes.subarray(options.offset ?? 0));
  }

  /** Asks whether it is needed first, so {@link has} need not be asked before. */
  async push(descriptor: Descriptor, open: OpenContent, options: PushOptions = {}): Promise<Pushed> {
    if (!isManifestType(descriptor.mediaType)) return this.#blobs.push(descriptor, open, options);
    const { pushed, subject } = await this.#manifests.push(descriptor, open, options);
    if (subject !== undefined) await this.#referrers.add(subject, options);
    return pushed;
  }

  async tag(descriptor: Descriptor, key: string, options: { signal?: AbortSignal } = {}): Promise<void> {
    const parsed = parseKey(key);
    if ('digest' in parsed && parsed.digest === descriptor.digest) return;
    await this.#manifests.tag(descriptor, parsed, options);
  }

  async finish(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {}

  /** The bytes of a manifest with what describes them, verified. @throws {ImageNotFoundError} */
  async readManifest(
    key: string,
    options: { signal?: AbortSignal } = {},
  ): Promise<Readonly<{ descriptor: Descriptor; bytes: Uint8Array }>> {
    const parsed = parseKey(key);
    const found = await this.#manifests.get(parsed, options);
    if (found !== undefined) return found;
    throw new ImageNotFoundError(`${this.name}${'digest' in parsed ? '@' : ':'}${keyText(parsed)}`);
  }

  /**
   * A blob of which only the digest is known; not verified, and it goes on after a drop.
   * @throws {ContentNotFoundError}
   */
  findBlob(digest: Digest, options: { offset?: number; signal?: AbortSignal } = {}): Promise<FoundBlob> {
    return this.#blobs.find(digest, options);
  }

  /** @returns `undefined` when there is no such blob; a `size` only where the registry says that. */
  statBlob(
    digest: Digest,
    options: { signal?: AbortSignal } = {},
  ): Promise<Pick<FoundBlob, 'size'> | undefined> {
    return this.#blobs.stat(digest, options);
  }

  /** All tags, page by page. @throws {ImageNotFoundError} no such repository. */
  async *tags(options: ListOptions = {}): AsyncGenerator<string> {
    const scopes = [repositoryScope(this.#path, 'pull')];
    const what = `listing the tags of ${this.name}`;
    const path = `/v2/${this.#path}/tags/list`;
    const list = { path, repository: this.#path, member: 'tags', scopes, what, missing: this.name };
    yield* readPages(this.#host, list, options);
  }

  /**
   * A tag goes away alone; a digest takes all its tags with it.
   * @throws {ImageNotFoundError} nothing is there. @throws {RegistryError} 405 or 400: the registry does not do that.
   */
  async deleteManifest(key: string, options: { signal?: AbortSignal } = {}): Promise<void> {
    const parsed = parseKey(key);
    await this.#manifests.delete(parsed, options);
  }

  /** Manifests about another one: signatures, SBOMs. From the referrers API, or the tag that stands in for it. */
  async referrers(
    digest: Digest,
    options: { artifactType?: string; signal?: AbortSignal } = {},
  ): Promise<Descriptor[]> {
    return this.#referrers.list(digest, options);
  }
}

/** @throws {OciError} TAG_INVALID. */
function parseKey(key: string): ManifestKey {
  const digest = key.includes(':') ? findDigest(key) : undefined;
  return digest === undefined ? { tag: parseTag(key === '' ? 'latest' : key) } : { digest };
}

async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  if (bytes.length > 0) yield bytes;
}
