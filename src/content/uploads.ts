import { type HeldLock, LocalLocks, type Locks } from '../locks/index.js';
import { type Digest, type HashAlgorithm, hashAlgorithmOf, type RepositoryName } from '../oci/index.js';
import {
  type NewFile,
  type StorageDriver,
  type StoragePath,
  StorageUnavailableError,
} from '../storage/index.js';
import { UploadBusyError } from './errors.js';
import type { Digests, Hasher, HashPool } from './hash-pool.js';
import { blobPath, uploadPath } from './layout.js';
import { OpenUploads } from './open-uploads.js';
import { batchBytesFor, pumpBatches } from './pump.js';
import {
  type Chunk,
  checkOffset,
  type Ending,
  type ListedUpload,
  type Publish,
  type Upload,
  type UploadKey,
  type VerifiedUpload,
} from './upload.js';
import { algorithmsFor, UploadDigests, verified } from './upload-digests.js';
import { dataPath, UploadFiles } from './upload-files.js';
import { UploadHashers } from './upload-hashers.js';

/** A client whose connection broke may be back before what it sent is stored. */
const ENDING_MS = 1000;

/** Uploads that began and got no byte; of more than these the store is asked. */
const MAX_FRESH = 10_000;

/**
 * Blobs on their way in. The bytes received are the file's bytes and nothing else, so that an upload outlives
 * the process; the running hash is only kept for speed and is computed again from the file when it is gone.
 */
export class Uploads {
  readonly #driver: StorageDriver;
  readonly #files: UploadFiles;
  readonly #hashers: UploadHashers;
  readonly #open: OpenUploads;
  readonly #digests: UploadDigests;
  readonly #locks: Locks;
  /** Uploads that requests are adding to here. */
  readonly #busy = new Set<string>();
  /** Paths of uploads that began here and got no byte yet: what is known of them need not be asked. */
  readonly #fresh = new Set<StoragePath>();
  readonly #alone: boolean;
  readonly #endingMs: number;

  /**
   * @param options `alone`: no other process receives uploads; `locks` between those that do; `endingMs`: for a request that
   *   is ending when the next one comes.
   */
  constructor(
    driver: StorageDriver,
    pool: HashPool,
    {
      alone = false,
      locks = new LocalLocks(),
      endingMs = ENDING_MS,
    }: { alone?: boolean; locks?: Locks | undefined; endingMs?: number } = {},
  ) {
    this.#driver = driver;
    this.#files = new UploadFiles(driver);
    this.#alone = alone;
    this.#locks = locks;
    this.#endingMs = endingMs;
    this.#open = new OpenUploads({ shared: !alone });
    this.#digests = new UploadDigests(driver);
    this.#hashers = new UploadHashers(driver, pool, (id) => this.#busy.has(id));
  }

  /** @param algorithm what the client announced that it will finish with. */
  async start(repository: RepositoryName, algorithm: HashAlgorithm = 'sha256'): Promise<Upload> {
    const upload = await this.#files.start(repository);
    const { id } = upload;
    if (algorithm !== 'sha256')
      this.#hashers.keep(id, this.#hashers.open({ expected: 0, algorithms: algorithmsFor(algorithm) }));
    this.#open.began(repository, id);
    if (this.#alone && this.#fresh.size < MAX_FRESH) this.#fresh.add(dataPath(upload));
    return upload;
  }

  /** @throws {UploadNotFoundError} */
  async get(repository: RepositoryName, id: string): Promise<Upload> {
    if (this.#fresh.has(dataPath({ repository, id }))) return { repository, id, offset: 0 };
    return this.#files.get(repository, id);
  }

  /** Where a client is to go on: behind what a request that is ending has brought. @throws {UploadNotFoundError} */
  async settled(repository: RepositoryName, id: string): Promise<Upload> {
    await this.get(repository, id); // none is locked that is not there
    try {
      using _ = await this.#take(repository, id);
      return await this.get(repository, id);
    } catch (error) {
      if (!(error instanceof UploadBusyError)) throw error;
      return this.get(repository, id);
    }
  }

  /** To the second; `undefined` where there is no such upload. */
  startedAt(repository: RepositoryName, id: string): Promise<Date | undefined> {
    return this.#files.startedAt(repository, id);
  }

  /**
   * @returns bytes received in all.
   * @throws {UploadNotFoundError | UploadOffsetError | UploadBusyError} the upload itself is unharmed.
   * @throws {StorageUnavailableError} the store cannot take the bytes; nothing of the upload is kept.
   * @throws whatever `source` throws; what came before is kept.
   */
  append(repository: RepositoryName, id: string, chunk: Chunk): Promise<number> {
    return this.#exclusively(repository, id, async () =>
      this.#receive(await this.get(repository, id), chunk, algorithmsFor('sha256')),
    );
  }

  /**
   * Verifies the bytes and hands them to `publish`; the upload ends with it.
   * @throws {DigestMismatchError} the upload ends too, and its bytes are removed.
   * @throws {OciError} DIGEST_INVALID: an algorithm that cannot be verified.
   * @throws as {@link append}, and whatever `publish` throws; unless it has moved the bytes already, the upload can
   *   then be finished again. Where the store can be given a blob under its name from the start, bytes that come with
   *   the end of an upload are not kept when they are cut off.
   */
  async finish(repository: RepositoryName, id: string, digest: Digest, ending: Ending): Promise<void> {
    const algorithms = algorithmsFor(hashAlgorithmOf(digest));
    await this.#exclusively(repository, id, async () => {
      const upload = await this.get(repository, id);
      const { chunk, publish } = ending;
      if (chunk && upload.offset === 0 && this.#canCreate(digest)) {
        checkOffset(upload, chunk);
        await this.#orRemove(upload, () => this.#takeDirectly(digest, { chunk, publish }));
      } else {
        const size = chunk ? await this.#receive(upload, chunk, algorithms) : upload.offset;
        await publish(await this.#verify(upload, size, digest));
      }
      await this.#remove(upload, { unpublished: false });
    });
  }

  /**
   * A blob in one go, of which nothing is kept when it fails.
   * @throws as {@link finish}.
   */
  async take(
    repository: RepositoryName,
    digest: Digest,
    { chunk, publish }: { chunk: Chunk; publish: Publish },
  ): Promise<void> {
    if (this.#canCreate(digest)) return this.#takeDirectly(digest, { chunk, publish });
    const upload = await this.start(repository);
    try {
      await this.finish(repository, upload.id, digest, { chunk, publish });
    } catch (error) {
      await this.purge(upload);
      throw error;
    }
  }

  /** @throws {UploadNotFoundError | UploadBusyError} */
  cancel(repository: RepositoryName, id: string): Promise<void> {
    return this.#exclusively(repository, id, async () =>
      this.#remove(await this.get(repository, id), { unpublished: true }),
    );
  }

  /** Whether a repository has as many uploads under way as `limit`, not counting those given up. */
  isFull(repository: RepositoryName, limit: number): Promise<boolean> {
    return this.#open.isFull(repository, limit, () => this.list(repository));
  }

  /** Uploads of a repository, and what is left of them when their start was never written. */
  list(repository: RepositoryName): AsyncGenerator<ListedUpload> {
    return this.#files.list(repository);
  }

  /** Removes an upload unless a request is writing to it. @returns whether it did. */
  async purge(upload: UploadKey): Promise<boolean> {
    using held = await this.#locks.tryAcquire(lockOf(upload.id), 'alone');
    if (held === undefined) return false;
    await this.#remove(upload, { unpublished: true });
    return true;
  }

  async #receive(upload: Upload, chunk: Chunk, algorithms: readonly HashAlgorithm[]): Promise<number> {
    checkOffset(upload, chunk);
    return this.#orRemove(upload, () => this.#append(upload, chunk, algorithms));
  }

  /** Whatever the store could not take, a full disk needs back, and a failing one cannot be trusted with. */
  async #orRemove<T>(upload: UploadKey, receive: () => Promise<T>): Promise<T> {
    try {
      return await receive();
    } catch (error) {
      if (error instanceof StorageUnavailableError)
        await this.#remove(upload, { unpublished: true }).catch(() => {});
      throw error;
    }
  }

  async #append(
    upload: Upload,
    { source, length }: Chunk,
    algorithms: readonly HashAlgorithm[],
  ): Promise<number> {
    const { id, offset } = upload;
    // First: it may have to read the file, which a store may not be able to do while that is being appended to.
    const expected = length === undefined ? undefined : offset + length;
    const hasher = await this.#hashers.at(id, dataPath(upload), offset, { expected, algorithms });
    const fresh = this.#fresh.delete(dataPath(upload));
    await using file = await this.#driver.append(dataPath(upload), { fresh });
    if (file.size !== offset) throw new UploadBusyError(id, file.size);
    try {
      await this.#pump(source, file, hasher);
      if (!this.#alone)
        await this.#digests.keep(uploadPath(upload.repository, id), file.size, await hasher.digests());
    } finally {
      // A failed write may leave more bytes in the file than were hashed.
      if (hasher.size === file.size) this.#hashers.keep(id, hasher);
      else this.#hashers.forget(id);
    }
    return file.size;
  }

  async #verify(upload: Upload, size: number, digest: Digest): Promise<VerifiedUpload> {
    const path = dataPath(upload);
    // An upload that never got a byte has no file yet; the empty blob needs one.
    if (size === 0) await (await this.#driver.append(path))[Symbol.asyncDispose]();
    const digests = await this.#digestsOf(upload, size, algorithmsFor(hashAlgorithmOf(digest)));
    try {
      return { canonical: verified(digest, digests), size, path };
    } catch (error) {
      await this.#remove(upload, { unpublished: true });
      throw error;
    }
  }

  async #digestsOf(upload: Upload, size: number, algorithms: readonly HashAlgorithm[]): Promise<Digests> {
    const { repository, id } = upload;
    if (!this.#alone && !this.#hashers.has(id, size, algorithms)) {
      const kept = await this.#digests.at(uploadPath(repository, id), size, algorithms);
      if (kept) return kept;
    }
    const hasher = await this.#hashers.at(id, dataPath(upload), size, { expected: size, algorithms });
    return hasher.digests();
  }

  /** Whether the name under which the bytes will be stored is known before they are. */
  #canCreate(digest: Digest): boolean {
    return this.#driver.create !== undefined && hashAlgorithmOf(digest) === 'sha256';
  }

  async #takeDirectly(
    digest: Digest,
    { chunk: { source, length }, publish }: { chunk: Chunk; publish: Publish },
  ): Promise<void> {
    const { create } = this.#driver;
    if (create === undefined) throw new TypeError('the driver creates no files');
    await using file = await create.call(this.#driver, blobPath(digest));
    const hasher = this.#hashers.open({ expected: length, algorithms: algorithmsFor('sha256') });
    try {
      await this.#pump(source, file, hasher);
      await publish({ canonical: verified(digest, await hasher.digests()), size: file.size, file });
    } finally {
      hasher.close();
    }
  }

  async #pump(
    source: AsyncIterable<Uint8Array>,
    file: Pick<NewFile, 'append'>,
    hasher: Hasher,
  ): Promise<void> {
    const store = async (batch: readonly Uint8Array[]) => {
      await file.append(batch);
      await hasher.update(batch);
    };
    await pumpBatches(source, store, { batchBytes: () => batchBytesFor(this.#busy.size) });
  }

  /** Requests that are adding to an upload, or ending one. */
  get underWay(): number {
    return this.#busy.size;
  }

  async #exclusively<T>(repository: RepositoryName, id: string, work: () => Promise<T>): Promise<T> {
    using _held = await this.#take(repository, id);
    this.#busy.add(id);
    try {
      return await work();
    } finally {
      this.#busy.delete(id);
    }
  }

  /** @throws {UploadBusyError} */
  async #take(repository: RepositoryName, id: string): Promise<HeldLock> {
    const held = await this.#locks.tryAcquire(lockOf(id), 'alone');
    if (held) return held;
    const signal = AbortSignal.timeout(this.#endingMs);
    return this.#locks.acquire(lockOf(id), 'alone', signal).catch(async (error: unknown) => {
      if (!signal.aborted) throw error;
      throw new UploadBusyError(id, (await this.get(repository, id)).offset);
    });
  }

  /** @param options `unpublished`: bytes of it may still be on their way to a name. */
  async #remove(upload: UploadKey, options: { unpublished: boolean }): Promise<void> {
    this.#hashers.forget(upload.id);
    this.#fresh.delete(dataPath(upload));
    this.#open.ended(upload.repository, upload.id);
    await this.#files.remove(upload, options);
  }
}

function lockOf(id: string): string {
  return `upload ${id}`;
}
