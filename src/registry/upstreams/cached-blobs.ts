import { createHash } from 'node:crypto';
import { type Chunk, DigestMismatchError, type Uploads, type VerifiedUpload } from '../../content/index.js';
import { type Digest, digestOf, hashAlgorithmOf, OciError, type RepositoryName } from '../../oci/index.js';
import { type ByteRange, type ByteReader, StorageUnavailableError } from '../../storage/index.js';
import type { Logger } from '../logger.js';
import type { RepositoryBlobs } from '../repositories/index.js';
import type { CacheObserver } from './cache-observer.js';
import { UpstreamContentError } from './errors.js';
import { GrowingFile } from './growing-file.js';
import type { Origins } from './origins.js';
import type { FollowedFetch, Lease, SharedFetches } from './shared-fetches.js';
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
  /** With other processes that serve the registry. */
  shared: SharedFetches | undefined;
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
  /**
   * The last byte comes only when all are right; reading fails otherwise. The end of `range` may be `Infinity`.
   * @returns `undefined` once nobody reads and `done` is settled.
   */
  open(range: ByteRange): ByteReader | undefined;
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
    const { blobs, shared, signal } = this.#options;
    if (await blobs.has(repository, digest)) return undefined; // since the caller looked
    if (await this.#mount(repository, digest)) return undefined;
    const { lease, followed } = (await shared?.join(`${repository} ${digest}`, signal)) ?? {};
    return followed ? this.#follow(repository, digest, followed) : this.#fetch(repository, digest, lease);
  }

  async #fetch(
    repository: RepositoryName,
    digest: Digest,
    lease: Lease | undefined,
  ): Promise<BlobFetch | undefined> {
    const { blobs, upstream, remoteName, folder, signal } = this.#options;
    using held = new DisposableStack();
    held.use(lease);
    if (lease && (await blobs.has(repository, digest))) return undefined; // who had the lease stored it
    const found = await upstream.blob(remoteName(repository), digest, { signal });
    if (found === undefined) throw unknown(repository, digest);
    const file = await GrowingFile.create(folder, lease?.fileName(found.size)).catch(
      async (error: unknown) => {
        for await (const _ of found.bytes) break; // which ends the connection
        throw error;
      },
    );
    const chunk = { source: this.#copied(found, digest, file), length: found.size };
    const kept = held.move();
    const done = this.#store(repository, digest, { chunk, file }).finally(() => kept.dispose());
    done.catch(() => {}); // readers are told
    return { size: found.size, done, open: (range) => file.open(range) };
  }

  /** Has what another process fetches. */
  async #follow(repository: RepositoryName, digest: Digest, followed: FollowedFetch): Promise<BlobFetch> {
    await using held = new AsyncDisposableStack();
    held.use(followed);
    const file = await GrowingFile.create(this.#options.folder);
    const kept = held.move();
    const done = this.#complete(repository, digest, { followed, file }).finally(() => kept.disposeAsync());
    done.catch(() => {}); // readers are told
    return { size: followed.size, done, open: (range) => file.open(range) };
  }

  async #complete(
    repository: RepositoryName,
    digest: Digest,
    { followed, file }: { followed: FollowedFetch; file: GrowingFile },
  ): Promise<number> {
    const { log, signal } = this.#options;
    const algorithm = hashAlgorithmOf(digest);
    const hash = createHash(algorithm);
    try {
      for await (const chunk of followed.bytes(signal)) {
        hash.update(chunk);
        await file.append(chunk);
      }
      const actual = digestOf(algorithm, hash.digest('hex'));
      if (followed.isRight && actual !== digest) throw damaged(digest, actual);
    } catch (error) {
      await file.fail(error);
      throw error;
    }
    if (followed.isRight) {
      await file.end();
      return file.written;
    }
    log.info({ repository, digest, bytes: file.written }, 'another process does not fetch a blob any more');
    const chunk = { source: this.#rest(repository, digest, file), length: followed.size };
    return this.#store(repository, digest, { chunk, file });
  }

  /** What came by another process has to be verified with the rest. */
  async *#rest(repository: RepositoryName, digest: Digest, file: GrowingFile): AsyncGenerator<Uint8Array> {
    const { upstream, remoteName, signal } = this.#options;
    file.dropLast(); // nobody can be asked for what is behind the end
    const offset = file.written;
    yield* file.bytes();
    const found = await upstream.blob(remoteName(repository), digest, { offset, signal });
    if (found === undefined) throw unknown(repository, digest);
    yield* this.#copied(found, digest, file);
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

  /** The file first: whoever takes the chunk may give its memory away. */
  async *#copied(
    { bytes, size }: UpstreamBlob,
    digest: Digest,
    file: GrowingFile,
  ): AsyncGenerator<Uint8Array> {
    const { observer, upstream } = this.#options;
    for await (const chunk of bytes) {
      observer?.fetched('blob', chunk.byteLength);
      await file.append(chunk);
      yield chunk;
      // It may have no end.
      if (size === undefined && file.isAbandoned)
        throw new UpstreamContentError(
          `${upstream.host} does not say how long blob ${digest} is, and nobody waits for it any more`,
        );
    }
  }

  async #store(
    repository: RepositoryName,
    digest: Digest,
    { chunk, file }: { chunk: Chunk; file: GrowingFile },
  ): Promise<number> {
    const { blobs, uploads, origins, onStored, log, upstream } = this.#options;
    try {
      await origins.claim(repository);
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

function wrongContent({ host }: Upstream, digest: Digest, cause: Error): UpstreamContentError {
  return new UpstreamContentError(`${host} sent something else for blob ${digest}: ${cause.message}`, {
    cause,
  });
}

/** What is stored is right; the file between was changed, or its disk does not keep what it is given. */
function damaged(digest: Digest, actual: Digest): StorageUnavailableError {
  return new StorageUnavailableError(`blob ${digest} was damaged on its way between processes`, {
    cause: new DigestMismatchError(digest, actual),
  });
}

function unknown(repository: RepositoryName, digest: Digest): OciError {
  return new OciError('BLOB_UNKNOWN', `${repository} has no blob ${digest}`, { detail: { digest } });
}
