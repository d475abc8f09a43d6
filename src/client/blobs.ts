import type { OpenContent, Pushed, PushOptions } from '../content/index.js';
import type { Descriptor, Digest, RepositoryName } from '../oci/index.js';
import { repositoryScope } from './auth/scope.js';
import { type FoundBlob, openBlob, openBlobOfAnySize } from './blob-download.js';
import { BlobUpload } from './blob-upload.js';
import type { HttpAnswer } from './http/answer.js';
import type { RegistryHost } from './registry-host.js';
import { openSession } from './upload-session.js';

type Options = Readonly<{ signal?: AbortSignal }>;

/** The blobs of one repository. distribution-spec spec.md, "Pulling blobs", "Pushing blobs". */
export class RepositoryBlobs {
  readonly #host: RegistryHost;
  readonly #path: RepositoryName;

  constructor(host: RegistryHost, path: RepositoryName) {
    this.#host = host;
    this.#path = path;
  }

  async has(descriptor: Descriptor, options: Options): Promise<boolean> {
    return this.#has(descriptor, ['pull'], options);
  }

  open(
    descriptor: Descriptor,
    options: Options & Readonly<{ offset?: number }>,
  ): Promise<AsyncIterable<Uint8Array>> {
    return openBlob(this.#host, this.#path, descriptor, options);
  }

  /** Its bytes from `offset` on, and the size of all of it where the registry says that. */
  find(digest: Digest, options: Options & Readonly<{ offset?: number }>): Promise<FoundBlob> {
    return openBlobOfAnySize(this.#host, this.#path, digest, options);
  }

  /** @returns `undefined` when the registry has none; a `size` only where it says that. */
  async stat(digest: Digest, options: Options): Promise<Pick<FoundBlob, 'size'> | undefined> {
    const answer = await this.#head(digest, ['pull'], options);
    return answer.status === 200 ? { size: answer.contentLength } : undefined;
  }

  /** In this order: it is there; it can be mounted; it is sent. */
  async push(descriptor: Descriptor, open: OpenContent, options: PushOptions): Promise<Pushed> {
    const { mountFrom, onBytes = () => {}, signal } = options;
    const isThere = () => this.#has(descriptor, ['pull', 'push'], signal ? { signal } : {});
    if (await isThere()) return 'present';
    const place = { host: this.#host, path: this.#path, digest: descriptor.digest, signal };
    const session = await openSession(place, mountFrom);
    if (session === 'mounted') return 'mounted';
    await new BlobUpload(place, session, { descriptor, open, onBytes }).run(isThere);
    return 'sent';
  }

  /** @param actions those that come next, so that one token does for all. */
  async #has({ digest, size }: Descriptor, actions: readonly string[], options: Options): Promise<boolean> {
    const answer = await this.#head(digest, actions, options);
    return answer.status === 200 && (answer.contentLength ?? size) === size;
  }

  async #head(digest: Digest, actions: readonly string[], options: Options): Promise<HttpAnswer> {
    const answer = await this.#host.send({
      method: 'HEAD',
      target: `/v2/${this.#path}/blobs/${digest}`,
      repository: this.#path,
      scopes: [repositoryScope(this.#path, ...actions)],
      what: `finding blob ${digest} in ${this.#host.registry}/${this.#path}`,
      expect: [200, 404],
      ...options,
    });
    await answer.discard();
    return answer;
  }
}
