import {
  DeniedError,
  parseRetryAfter,
  RateLimitError,
  type RegistryClient,
  RegistryError,
  type Repository,
  UnauthorizedError,
  UnreachableError,
} from '../client/index.js';
import { ContentNotFoundError, DigestMismatchError, ImageNotFoundError } from '../content/index.js';
import type { ManifestKey, StoredManifest } from '../index/index.js';
import {
  type Descriptor,
  type Digest,
  keyText,
  parseRepositoryName,
  type RepositoryName,
  type Tag,
} from '../oci/index.js';
import {
  type Upstream,
  type UpstreamBlob,
  UpstreamContentError,
  UpstreamRefusedError,
  UpstreamUnavailableError,
} from '../registry/upstreams/index.js';

type Options = Readonly<{ signal?: AbortSignal }>;

/** Clients do not wait longer for a beginning. What has begun may take its time, and is resumed. */
const ANSWER_MS = 60_000;
/** More would be a mistake, or an attack. */
const MAX_TAGS = 1_000_000;
const HUB = /^((index|registry-1)\.)?docker\.io$/;

/** A registry that another one is a copy of, as the client sees it. */
export class RegistryUpstream implements Upstream {
  readonly host: string;
  readonly #client: () => RegistryClient;
  readonly #answerMs: number;

  /** @param client may be another one with each call. @param options `answerMs`: how long it may say nothing. */
  constructor(
    host: string,
    client: () => RegistryClient,
    { answerMs = ANSWER_MS }: Readonly<{ answerMs?: number }> = {},
  ) {
    this.host = host;
    this.#client = client;
    this.#answerMs = answerMs;
  }

  resolve(repository: RepositoryName, tag: Tag, options: Options = {}): Promise<Digest | undefined> {
    return this.#ask(options, async (wait) => (await this.#open(repository).resolve(tag, wait)).digest);
  }

  manifest(
    repository: RepositoryName,
    key: ManifestKey,
    options: Options = {},
  ): Promise<StoredManifest | undefined> {
    return this.#ask(options, async (wait) => {
      const { descriptor, bytes } = await this.#open(repository).readManifest(keyText(key), wait);
      return { digest: descriptor.digest, mediaType: descriptor.mediaType, bytes };
    });
  }

  stat(
    repository: RepositoryName,
    digest: Digest,
    options: Options = {},
  ): Promise<Pick<UpstreamBlob, 'size'> | undefined> {
    return this.#ask(options, (wait) => this.#open(repository).statBlob(digest, wait));
  }

  blob(
    repository: RepositoryName,
    digest: Digest,
    options: Options & Readonly<{ offset?: number }> = {},
  ): Promise<UpstreamBlob | undefined> {
    return this.#ask(options, async ({ signal }) => {
      const { size, bytes } = await this.#open(repository).findBlob(digest, { ...options, signal });
      return { size, bytes: this.#explaining(bytes, options) };
    });
  }

  tags(repository: RepositoryName, options: Options = {}): Promise<readonly string[] | undefined> {
    return this.#ask(options, async (wait) => {
      const tags: string[] = [];
      for await (const tag of this.#open(repository).tags(wait)) {
        wait.prolong();
        if (tags.length === MAX_TAGS) throw new UpstreamContentError(`${this.host} has too many tags`);
        tags.push(tag);
      }
      return tags;
    });
  }

  async referrers(
    repository: RepositoryName,
    subject: Digest,
    options: Options = {},
  ): Promise<readonly Descriptor[]> {
    return (await this.#ask(options, (wait) => this.#open(repository).referrers(subject, wait))) ?? [];
  }

  #open(repository: RepositoryName): Repository {
    // On docker.io a name of one part belongs to `library`; docker and containerd write it out.
    const isOfficial = HUB.test(this.host) && !repository.includes('/');
    const name = isOfficial ? parseRepositoryName(`library/${repository}`) : repository;
    return this.#client().repository(this.host, name);
  }

  async #ask<T>({ signal }: Options, ask: (wait: Wait) => Promise<T>): Promise<T | undefined> {
    using wait = new Wait(this.#answerMs, signal);
    try {
      return await ask(wait);
    } catch (error) {
      if (error instanceof ImageNotFoundError || error instanceof ContentNotFoundError) return undefined;
      throw this.#explain(error, wait.signal);
    }
  }

  async *#explaining(bytes: AsyncIterable<Uint8Array>, { signal }: Options): AsyncGenerator<Uint8Array> {
    try {
      yield* bytes;
    } catch (error) {
      throw this.#explain(error, signal);
    }
  }

  #explain(error: unknown, signal: AbortSignal | undefined): unknown {
    const cause = { cause: error };
    if (signal?.aborted) return new UpstreamUnavailableError(`${this.host} did not answer in time`, cause);
    if (error instanceof RateLimitError) {
      const retryAfterMs = retryAfterOf(error);
      return new UpstreamUnavailableError(error.message, { ...cause, limited: true, retryAfterMs });
    }
    if (error instanceof UnauthorizedError || error instanceof DeniedError)
      return new UpstreamRefusedError(`${this.host} does not let this registry read that`, cause);
    if (error instanceof UnreachableError) return new UpstreamUnavailableError(error.message, cause);
    if (error instanceof RegistryError) {
      return error.status >= 500 || error.status === 408
        ? new UpstreamUnavailableError(error.message, { ...cause, retryAfterMs: retryAfterOf(error) })
        : new UpstreamContentError(error.message, cause);
    }
    if (error instanceof Error && (error instanceof DigestMismatchError || error.name === 'OciError'))
      return new UpstreamContentError(`${this.host} sent something else: ${error.message}`, cause);
    return error;
  }
}

/** For an answer, no longer than so many milliseconds; once this is disposed of, only the caller's signal ends anything. */
class Wait implements Disposable {
  readonly signal: AbortSignal;
  readonly #timer: NodeJS.Timeout;

  constructor(milliseconds: number, signal?: AbortSignal) {
    const over = new AbortController();
    this.#timer = setTimeout(() => over.abort(), milliseconds).unref();
    this.signal = signal ? AbortSignal.any([signal, over.signal]) : over.signal;
  }

  /** Something came. */
  prolong(): void {
    this.#timer.refresh();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}

function retryAfterOf({ retryAfter }: RegistryError): number | undefined {
  return parseRetryAfter(retryAfter, Date.now()) || undefined;
}
