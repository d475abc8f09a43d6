import type { Answer } from './answer.ts';
import type { Client, RequestOptions } from './client.ts';
import { type Blob, imageConfig, imageManifest, type Manifest, randomBlob } from './content.ts';
import { ACCEPT_ALL, OCTETS } from './media-types.ts';

/** A repository of one requirement's own. `push...` prepare the ground and throw when that fails; the rest only asks. */
export class Repository {
  readonly name: string;
  readonly client: Client;

  constructor(client: Client, name: string) {
    this.client = client;
    this.name = name;
  }

  /** @param rest what follows the name, such as `blobs/sha256:...`. */
  request(method: string, rest: string, options?: RequestOptions): Promise<Answer> {
    return this.client.request(method, `/v2/${this.name}/${rest}`, options);
  }

  getBlob(digest: string, headers: Record<string, string> = {}): Promise<Answer> {
    return this.client.read('GET', `/v2/${this.name}/blobs/${digest}`, { headers });
  }

  headBlob(digest: string, headers: Record<string, string> = {}): Promise<Answer> {
    return this.client.read('HEAD', `/v2/${this.name}/blobs/${digest}`, { headers });
  }

  getManifest(reference: string, headers: Record<string, string> = { Accept: ACCEPT_ALL }): Promise<Answer> {
    return this.client.read('GET', `/v2/${this.name}/manifests/${reference}`, { headers });
  }

  headManifest(reference: string, headers: Record<string, string> = { Accept: ACCEPT_ALL }): Promise<Answer> {
    return this.client.read('HEAD', `/v2/${this.name}/manifests/${reference}`, { headers });
  }

  putManifest(reference: string, manifest: Manifest): Promise<Answer> {
    const headers = { 'Content-Type': manifest.mediaType };
    return this.request('PUT', `manifests/${reference}`, { headers, body: manifest.bytes });
  }

  referrers(digest: string, query = ''): Promise<Answer> {
    return this.client.read('GET', `/v2/${this.name}/referrers/${digest}${query}`);
  }

  tags(query = ''): Promise<Answer> {
    return this.client.read('GET', `/v2/${this.name}/tags/list${query}`);
  }

  /** @param query with its `?`, such as `?digest=...`. */
  postUpload(query = '', options: RequestOptions = {}): Promise<Answer> {
    return this.request('POST', `blobs/uploads/${query}`, options);
  }

  /** Opens a session. @returns where it goes on. */
  async startUpload(query = ''): Promise<URL> {
    return (await must(this.postUpload(query), 202)).location();
  }

  /** One chunk. @param range `first-last`, or `undefined` to append. */
  patchUpload(upload: URL, bytes: Uint8Array, range?: string, options: RequestOptions = {}): Promise<Answer> {
    const position: Record<string, string> = range === undefined ? {} : { 'Content-Range': range };
    const headers = { 'Content-Type': OCTETS, ...position, ...options.headers };
    return this.client.request('PATCH', upload, { ...options, headers, body: bytes });
  }

  /** The closing PUT. @param bytes the whole blob, its last chunk, or nothing. */
  closeUpload(
    upload: URL,
    digest: string,
    bytes?: Uint8Array,
    options: RequestOptions = {},
  ): Promise<Answer> {
    const headers = { ...(bytes === undefined ? {} : { 'Content-Type': OCTETS }), ...options.headers };
    return this.client.request('PUT', withDigest(upload, digest), {
      ...options,
      headers,
      ...(bytes && { body: bytes }),
    });
  }

  async pushBlob(blob: Blob): Promise<Blob> {
    await must(this.closeUpload(await this.startUpload(), blob.digest, blob.bytes), 201);
    return blob;
  }

  /** @param reference default: its digest. */
  async pushManifest(manifest: Manifest, reference = manifest.digest): Promise<Manifest> {
    await must(this.putManifest(reference, manifest), 201);
    return manifest;
  }

  /** A small image of its own, with its blobs. @param more further fields of the manifest. */
  async pushImage(reference?: string, more: Record<string, unknown> = {}): Promise<Manifest> {
    return this.pushManifest(await this.prepareImage(more), reference);
  }

  /** Like `pushImage`, all but the manifest. */
  async prepareImage(more: Record<string, unknown> = {}): Promise<Manifest> {
    const [config, layer] = await Promise.all([this.pushBlob(imageConfig()), this.pushBlob(randomBlob())]);
    return imageManifest(config, [layer], more);
  }
}

/** Adds `digest` behind the query that the registry gave, which stays as it is. spec.md, "Pushing blobs". */
export function withDigest(upload: URL, digest: string): URL {
  const closing = new URL(upload);
  closing.search = `${upload.search}${upload.search === '' ? '?' : '&'}digest=${digest}`;
  return closing;
}

/** For what has to work before a requirement can be looked at. */
async function must(pending: Promise<Answer>, status: number): Promise<Answer> {
  const answer = await pending;
  if (answer.status !== status) throw new Error(`preparing: ${answer}; want ${status}`);
  return answer;
}
