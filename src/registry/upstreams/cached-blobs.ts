import { DigestMismatchError, type Uploads, type VerifiedUpload } from '../../content/index.js';
import { type Digest, OciError, type RepositoryName } from '../../oci/index.js';
import type { ByteRange } from '../../storage/index.js';
import type { Logger } from '../logger.js';
import type { RepositoryBlobs } from '../repositories/index.js';
import type { CacheObserver } from './cache-observer.js';
import { UpstreamContentError } from './errors.js';
import { GrowingFile, type GrowingReader } from './growing-file.js';
import type { Origins } from './origins.js';
import type { Upstream, UpstreamBlob } from './upstream.js';

export type CachedBlobsOptions = Readonly<{
  upstream: Upstream;
  /** The name there of a repository here. */
  remoteName: (repository: RepositoryName) => RepositoryName;
  /** Whether a repository is a copy of the same upstream. */
  isCopy: (repository: RepositoryName) => boolean;
  blobs: RepositoryBlobs;
  uploads: Uploads;
  origins: Origins;
  /** For bytes that are on their way. */
  folder: string;
  observer: CacheObserver | undefined;
  onStored: () => void;
  log: Logger;
  /** Ends all downloads. */
  signal: AbortSignal;
}>;

/**
 * A blob on its way. `size` is `undefined` where the upstream does not say it; `done` tells, or rejects when the blob cannot
 * be had, and nothing of it is kept.
 */
export type BlobFetch = Readonly<{
  size: number | undefined;
  done: Promise<number>;
  /** The last byte comes only when all are right; reading fails otherwise. The end of `range` may be `Infinity`. `undefined` once nobody reads and `done` is settled. */
  open(range: ByteRange): GrowingReader | undefined;
}>;

/** Blobs of an upstream: kept once they were asked for, and read from there once for all who wait. */
export class CachedBlobs {
  readonly #options: CachedBlobsOptions;
  readonly #fetches = new Map<string, Promise<BlobFetch | undefined>>();

  constructor(options: CachedBlobsOptions) {
    this.#options = options;
  }

  /** A blob that is not here. @throws {OciError} BLOB_UNKNOWN. @throws as {@link Upstream}. */
  async stat(repository: RepositoryName, digest: Digest): Promise<Pick<UpstreamBlob, 'size'>> {
    const { upstream, remoteName } = this.#options;
    const found = await upstream.stat(remoteName(repository), digest);
    if (found === undefined) throw unknown(repository, digest);
    return found;
  }

  /**
   * @returns `undefined` when the blob is here.
   * @throws {OciError} BLOB_UNKNOWN. @throws as {@link Upstream}.
   */
  fetch(repository: RepositoryName, digest: Digest): Promise<BlobFetch | undefined> {
    const key = `${repository} ${digest}`;
    const others = this.#fetches.get(key);
    if (others !== undefined) return others;
    const fetch = this.#start(repository, digest);
    this.#fetches.set(key, fetch);
    fetch
      .then((started) => started?.done)
      .catch(() => {}) // whoever asked is told
      .finally(() => this.#fetches.delete(key));
    return fetch;
  }

  /** Resolves when nothing is on its way. */
  async settle(): Promise<void> {
    await Promise.allSettled([...this.#fetches.values()].map(async (fetch) => (await fetch)?.done));
  }

  async #start(repository: RepositoryName, digest: Digest): Promise<BlobFetch | undefined> {
    const { blobs, upstream, remoteName, folder, signal } = this.#options;
    if (await blobs.has(repository, digest)) return undefined; // since the caller looked
    if (await this.#mount(repository, digest)) return undefined;
    const found = await upstream.blob(remoteName(repository), digest, { signal });
    if (found === undefined) throw unknown(repository, digest);
    const file = await GrowingFile.create(folder).catch(async (error: unknown) => {
      for await (const _ of found.bytes) break; // which ends the connection
      throw error;
    });
    const done = this.#store(repository, digest, { found, file });
    done.catch(() => {}); // readers are told
    return { size: found.size, done, open: (range) => file.open(range) };
  }

  /**
   * Many images have layers in common. That this repository may show one is known where a manifest in it, which came from
   * the upstream too, names it.
   */
  async #mount(repository: RepositoryName, digest: Digest): Promise<boolean> {
    const { blobs, isCopy, origins } = this.#options;
    if (!(await blobs.isNamed(repository, digest))) return false;
    for (const source of await blobs.sourcesOf(digest)) {
      // What was pushed is not for whoever the upstream lets name it.
      if (source === repository || !isCopy(source) || !(await origins.isCopy(source))) continue;
      await origins.claim(repository);
      if (await blobs.mount(source, repository, digest)) return true;
    }
    return false;
  }

  async #store(
    repository: RepositoryName,
    digest: Digest,
    { found, file }: { found: UpstreamBlob; file: GrowingFile },
  ): Promise<number> {
    const { blobs, uploads, origins, observer, onStored, log, upstream } = this.#options;
    try {
      await origins.claim(repository);
      const chunk = { source: copied(found.bytes, file, observer), length: found.size };
      const publish = (verified: VerifiedUpload) => blobs.publish(repository, digest, verified);
      await uploads.take(repository, digest, { chunk, publish });
      await file.end();
    } catch (error) {
      const failure = error instanceof DigestMismatchError ? wrongContent(upstream, digest, error) : error;
      log.warn(
        { error: failure, repository, digest, upstream: upstream.host },
        'a blob could not be fetched',
      );
      await file.fail(failure);
      throw failure;
    }
    const { written: bytes } = file;
    log.info({ repository, digest, bytes, upstream: upstream.host }, 'blob fetched');
    onStored();
    return bytes;
  }
}

/** The file first: whoever takes the chunk may give its memory away. */
async function* copied(
  source: AsyncIterable<Uint8Array>,
  file: GrowingFile,
  observer: CacheObserver | undefined,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    observer?.fetched('blob', chunk.byteLength);
    await file.append(chunk);
    yield chunk;
  }
}

function wrongContent({ host }: Upstream, digest: Digest, cause: Error): UpstreamContentError {
  return new UpstreamContentError(`${host} sent something else for blob ${digest}: ${cause.message}`, {
    cause,
  });
}

function unknown(repository: RepositoryName, digest: Digest): OciError {
  return new OciError('BLOB_UNKNOWN', `${repository} has no blob ${digest}`, { detail: { digest } });
}
