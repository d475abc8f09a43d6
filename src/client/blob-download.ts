import { ContentNotFoundError } from '../content/index.js';
import type { Descriptor, Digest, RepositoryName } from '../oci/index.js';
import { repositoryScope } from './auth/scope.js';
import { RegistryError } from './errors.js';
import type { HttpAnswer } from './http/answer.js';
import { explainNetworkError, isTransient } from './http/network-errors.js';
import type { RegistryHost } from './registry-host.js';

/** So much has to come for earlier failures to be forgotten. */
const PROGRESS_BYTES = 64 * 1024;

/**
 * A blob from `offset` on, of exactly the size that its descriptor says, not verified. After a drop it goes on by
 * Range where it was; a registry that knows no ranges is read again from the start, without anybody noticing.
 * @throws {ContentNotFoundError}
 */
export async function openBlob(
  host: RegistryHost,
  path: RepositoryName,
  descriptor: Descriptor,
  options: Readonly<{ offset?: number; signal?: AbortSignal }>,
): Promise<AsyncIterable<Uint8Array>> {
  const download = new BlobDownload(host, path, descriptor, options.signal);
  const { offset = 0 } = options;
  if (offset >= descriptor.size) return nothing();
  return download.read(await download.open(offset), offset);
}

/** `undefined` where nobody knows before the end. */
type Size = number | undefined;

/** A blob whose size only the registry knows, if that. `bytes` as from {@link openBlob}. */
export type FoundBlob = Readonly<{ size: Size; bytes: AsyncIterable<Uint8Array> }>;

/** @throws {ContentNotFoundError} */
export async function openBlobOfAnySize(
  host: RegistryHost,
  path: RepositoryName,
  digest: Digest,
  { offset = 0, signal }: Readonly<{ offset?: number; signal?: AbortSignal }>,
): Promise<FoundBlob> {
  const answer = await new BlobDownload(host, path, { digest, size: undefined }, signal).open(offset);
  const { contentLength: length, status } = answer;
  const size = length === undefined || status !== 206 ? length : offset + length;
  const download = new BlobDownload(host, path, { digest, size }, signal);
  return { size, bytes: download.read(answer, offset) };
}

type Wanted = Pick<Descriptor, 'digest' | 'urls'> & Readonly<{ size: Size }>;

class BlobDownload {
  readonly #host: RegistryHost;
  readonly #path: RepositoryName;
  readonly #wanted: Wanted;
  readonly #signal: AbortSignal | undefined;

  constructor(host: RegistryHost, path: RepositoryName, wanted: Wanted, signal: AbortSignal | undefined) {
    this.#host = host;
    this.#path = path;
    this.#wanted = wanted;
    this.#signal = signal;
  }

  /** An answer whose body holds the blob, from `offset` on or from its start. */
  async open(offset: number): Promise<HttpAnswer> {
    const { digest, urls = [] } = this.#wanted;
    const own = await this.#ask(`/v2/${this.#path}/blobs/${digest}`, offset);
    if (own !== undefined) return own;
    // Layers that may not be distributed are elsewhere. image-spec descriptor.md, "urls".
    for (const url of urls.map((text) => URL.parse(text))) {
      const elsewhere = url && /^https?:$/.test(url.protocol) ? await this.#ask(url, offset) : undefined;
      if (elsewhere !== undefined) return elsewhere;
    }
    throw new ContentNotFoundError(digest);
  }

  async *read(first: HttpAnswer, offset: number): AsyncGenerator<Uint8Array> {
    const { size } = this.#wanted;
    let position = offset;
    for (let answer = first, failures = 0; ; answer = await this.open(position)) {
      const start = position;
      let cause: unknown;
      try {
        for await (const chunk of this.#body(answer, position)) {
          position += chunk.length;
          yield chunk;
        }
        if (size === undefined || position === size) return;
        cause = new Error(`the answer ended at byte ${position} of ${size}`);
      } catch (error) {
        this.#signal?.throwIfAborted();
        if (error instanceof RegistryError || !isTransient(error)) throw error;
        cause = error;
      }
      failures = position - start >= PROGRESS_BYTES ? 1 : failures + 1;
      if (!(await this.#host.retry.pause(failures, undefined, this.#signal))) {
        throw explainNetworkError(cause, this.#host.registry, answer.url);
      }
    }
  }

  /** The bytes from `position` on; never more than there should be. */
  async *#body(answer: HttpAnswer, position: number): AsyncGenerator<Uint8Array> {
    const { size = Number.POSITIVE_INFINITY } = this.#wanted;
    let skip = answer.status === 206 ? 0 : position;
    let left = size - position;
    for await (const chunk of answer.chunks()) {
      const wanted = chunk.subarray(skip);
      skip -= chunk.length - wanted.length;
      left -= wanted.length;
      if (left < 0) throw this.#wrongSize(`more than ${size} bytes`, answer);
      if (wanted.length > 0) yield wanted;
    }
  }

  async #ask(target: string | URL, offset: number): Promise<HttpAnswer | undefined> {
    const answer = await this.#host.send({
      method: 'GET',
      target,
      repository: this.#path,
      scopes: [repositoryScope(this.#path, 'pull')],
      what: this.#what,
      // Compressed once more, its length would not be that of the blob.
      headers: { 'accept-encoding': 'identity', ...(offset === 0 ? {} : { range: `bytes=${offset}-` }) },
      expect: [200, 206, 404],
      signal: this.#signal,
    });
    if (answer.status === 404) await answer.discard();
    else this.#checkRange(answer, offset);
    return answer.status === 404 ? undefined : answer;
  }

  /** What can be seen before the first byte. */
  #checkRange(answer: HttpAnswer, offset: number): void {
    const { size } = this.#wanted;
    if (answer.status === 206) {
      const [, start = ''] = /^bytes\s+(\d+)-/i.exec(answer.header('content-range') ?? '') ?? [];
      if (Number(start) === offset && start !== '') return;
      void answer.discard().catch(() => {});
      throw this.#wrongSize(`another range than from byte ${offset} on`, answer);
    }
    const length = answer.contentLength;
    if (length === undefined || size === undefined || length === size) return;
    void answer.discard().catch(() => {});
    throw this.#wrongSize(`${length} bytes instead of ${size}`, answer);
  }

  get #what(): string {
    return `reading blob ${this.#wanted.digest} of ${this.#host.registry}/${this.#path}`;
  }

  #wrongSize(what: string, { status }: HttpAnswer): RegistryError {
    return new RegistryError(`${this.#what}: the registry sends ${what}`, {
      registry: this.#host.registry,
      status,
    });
  }
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
