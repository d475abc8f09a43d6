import { randomUUID } from 'node:crypto';
import { type Digest, type HashAlgorithm, hashAlgorithmOf, type RepositoryName } from '../oci/index.js';
import { type StorageDriver, type StoragePath, StorageUnavailableError } from '../storage/index.js';
import { DigestMismatchError, UploadBusyError, UploadNotFoundError, UploadOffsetError } from './errors.js';
import { type Hasher, type HashPool, InlineHasher } from './hash-pool.js';
import { uploadPath, uploadsPath } from './layout.js';
import { pumpBatches } from './pump.js';

/** A blob being received, not yet readable. `offset` in bytes. */
export type Upload = Readonly<{ repository: RepositoryName; id: string; offset: number; startedAt: Date }>;

/** `activeAt` is when it began or last got a byte. */
export type ListedUpload = Upload & Readonly<{ activeAt: Date }>;

/**
 * The bytes of one request, in chunks that nobody else uses. `length` where the client says it; `from` where the
 * client says they belong.
 */
export type Chunk = Readonly<{ source: AsyncIterable<Uint8Array>; length?: number; from?: number }>;

/** A whole blob that was verified, in a file that is to be published from `path`. `size` in bytes. */
export type VerifiedUpload = Readonly<{ canonical: Digest; size: number; path: StoragePath }>;

/** Makes verified bytes readable, durably. */
export type Publish = (verified: VerifiedUpload) => Promise<void>;

const ID = /^[A-Za-z0-9_.-]{1,128}$/;
/** Hashes of uploads that pause between requests; past this number the oldest are computed again when needed. */
const MAX_KEPT_HASHERS = 512;
/** Below this many bytes a thread's help costs more than it gives. */
const INLINE_BYTES = 128 * 1024;

/** Large enough that the cost of a write and of waking a thread no longer shows. */
const MAX_BATCH_BYTES = 512 * 1024;
const MIN_BATCH_BYTES = 64 * 1024;
/** For the batches of all uploads together: many at once get smaller ones, so that memory stays flat. */
const ALL_BATCHES_BYTES = 8 * 1024 * 1024;

/**
 * Blobs on their way in. The bytes received are the file's bytes and nothing else, so that an upload outlives
 * the process; the running hash is only kept for speed and is computed again from the file when it is gone.
 */
export class Uploads {
  readonly #driver: StorageDriver;
  readonly #pool: HashPool;
  readonly #hashers = new Map<string, Hasher>();
  readonly #busy = new Set<string>();

  constructor(driver: StorageDriver, pool: HashPool) {
    this.#driver = driver;
    this.#pool = pool;
  }

  /** @param algorithm what the client announced that it will finish with. */
  async start(repository: RepositoryName, algorithm: HashAlgorithm = 'sha256'): Promise<Upload> {
    const id = randomUUID();
    const startedAt = new Date();
    await using file = await this.#driver.append(startedAtPath(repository, id));
    await file.append([Buffer.from(startedAt.toISOString().replace(/\.\d+Z$/, 'Z'))]);
    if (algorithm !== 'sha256') this.#keep(id, new InlineHasher(algorithmsFor(algorithm)));
    return { repository, id, offset: 0, startedAt };
  }

  /** @throws {UploadNotFoundError} */
  async get(repository: RepositoryName, id: string): Promise<Upload> {
    if (!ID.test(id) || id.startsWith('.')) throw new UploadNotFoundError(id);
    const [started, data] = await Promise.all([
      this.#driver.stat(startedAtPath(repository, id)),
      this.#driver.stat(dataPath(repository, id)),
    ]);
    if (started === undefined) throw new UploadNotFoundError(id);
    return { repository, id, offset: data?.size ?? 0, startedAt: started.modifiedAt };
  }

  /**
   * @returns bytes received in all.
   * @throws {UploadNotFoundError | UploadOffsetError | UploadBusyError} the upload itself is unharmed.
   * @throws {StorageUnavailableError} the store cannot take the bytes; nothing of the upload is kept.
   * @throws whatever `source` throws; what came before is kept.
   */
  async append(repository: RepositoryName, id: string, chunk: Chunk): Promise<number> {
    await this.get(repository, id);
    return this.#exclusively(repository, id, () =>
      this.#receive(repository, id, chunk, algorithmsFor('sha256')),
    );
  }

  /**
   * Verifies the bytes and hands them to `publish`; the upload ends with it.
   * @throws {DigestMismatchError} the upload ends too, and its bytes are removed.
   * @throws {OciError} DIGEST_INVALID: an algorithm that cannot be verified.
   * @throws as {@link append}, and whatever `publish` throws; unless it has moved the bytes already, the upload can
   *   then be finished again.
   */
  async finish(
    repository: RepositoryName,
    id: string,
    digest: Digest,
    { chunk, publish }: { chunk?: Chunk | undefined; publish: Publish },
  ): Promise<void> {
    const algorithms = algorithmsFor(hashAlgorithmOf(digest));
    await this.get(repository, id);
    await this.#exclusively(repository, id, async () => {
      if (chunk) await this.#receive(repository, id, chunk, algorithms);
      await publish(await this.#verify(repository, id, digest));
      await this.#remove(repository, id);
    });
  }

  /** @throws {UploadNotFoundError | UploadBusyError} */
  async cancel(repository: RepositoryName, id: string): Promise<void> {
    await this.get(repository, id);
    await this.#exclusively(repository, id, () => this.#remove(repository, id));
  }

  /** How many uploads a repository has under way, counting no further than `limit`. */
  async count(repository: RepositoryName, limit: number): Promise<number> {
    let count = 0;
    for await (const _ of this.#driver.list(uploadsPath(repository))) {
      count += 1;
      if (count >= limit) break;
    }
    return count;
  }

  /** Uploads of a repository, and what is left of them when their start was never written. */
  async *list(repository: RepositoryName): AsyncGenerator<ListedUpload> {
    for await (const { name: id } of this.#driver.list(uploadsPath(repository))) {
      if (!ID.test(id)) continue; // not ours
      const files = [startedAtPath(repository, id), dataPath(repository, id), uploadPath(repository, id)];
      const [started, data, directory] = await Promise.all(files.map((path) => this.#driver.stat(path)));
      const startedAt = (started ?? data ?? directory)?.modifiedAt;
      if (startedAt === undefined) continue;
      const activeAt = data && data.modifiedAt > startedAt ? data.modifiedAt : startedAt;
      yield { repository, id, offset: data?.size ?? 0, startedAt, activeAt };
    }
  }

  /** Removes an upload unless a request is writing to it. @returns whether it did. */
  async purge({ repository, id }: Upload): Promise<boolean> {
    if (this.#busy.has(id)) return false;
    await this.#exclusively(repository, id, () => this.#remove(repository, id));
    return true;
  }

  /** Whatever the store could not take, a full disk needs back, and a failing one cannot be trusted with. */
  async #receive(
    repository: RepositoryName,
    id: string,
    chunk: Chunk,
    algorithms: readonly HashAlgorithm[],
  ): Promise<number> {
    try {
      return await this.#append(repository, id, chunk, algorithms);
    } catch (error) {
      if (error instanceof StorageUnavailableError) await this.#remove(repository, id).catch(() => {});
      throw error;
    }
  }

  async #append(
    repository: RepositoryName,
    id: string,
    { source, length, from }: Chunk,
    algorithms: readonly HashAlgorithm[],
  ): Promise<number> {
    await using file = await this.#driver.append(dataPath(repository, id));
    if (from !== undefined && from !== file.size) throw new UploadOffsetError(file.size, from);
    const hasher = await this.#hasherAt(repository, id, file.size, { length, algorithms });
    try {
      const store = async (batch: readonly Uint8Array[]) => {
        await file.append(batch);
        await hasher.update(batch);
      };
      await pumpBatches(source, store, { batchBytes: () => this.#batchBytes() });
    } finally {
      // A failed write may leave more bytes in the file than were hashed.
      if (hasher.size === file.size) this.#keep(id, hasher);
      else this.#forget(id);
    }
    return file.size;
  }

  async #verify(repository: RepositoryName, id: string, digest: Digest): Promise<VerifiedUpload> {
    const algorithm = hashAlgorithmOf(digest);
    const path = dataPath(repository, id);
    const size = await this.#sizeOf(path);
    const wanted = { length: 0, algorithms: algorithmsFor(algorithm) };
    const digests = await (await this.#hasherAt(repository, id, size, wanted)).digests();
    const [canonical, actual] = [digests.get('sha256'), digests.get(algorithm)];
    if (canonical === undefined || actual === undefined)
      throw new Error(`no ${algorithm} digest was computed`);
    if (actual === digest) return { canonical, size, path };
    await this.#remove(repository, id);
    throw new DigestMismatchError(digest, actual);
  }

  /** An upload that never got a byte has no file yet; the empty blob needs one. */
  async #sizeOf(path: StoragePath): Promise<number> {
    await using file = await this.#driver.append(path);
    return file.size;
  }

  /** Requests that are adding to an upload, or ending one. */
  get underWay(): number {
    return this.#busy.size;
  }

  #batchBytes(): number {
    return Math.max(MIN_BATCH_BYTES, Math.min(MAX_BATCH_BYTES, ALL_BATCHES_BYTES / this.#busy.size));
  }

  /** The kept hasher if it stands at `offset` and knows the algorithms; else one that has read the file again. */
  async #hasherAt(
    repository: RepositoryName,
    id: string,
    offset: number,
    wanted: { length: number | undefined; algorithms: readonly HashAlgorithm[] },
  ): Promise<Hasher> {
    const kept = this.#hashers.get(id);
    const short = offset + (wanted.length ?? Number.POSITIVE_INFINITY) <= INLINE_BYTES;
    const suits = short || wanted.length === 0 || !(kept instanceof InlineHasher);
    const knows = wanted.algorithms.every((name) => kept?.algorithms.includes(name));
    if (kept?.size === offset && suits && knows) return kept;
    this.#forget(id);
    const hasher = short ? new InlineHasher(wanted.algorithms) : this.#pool.open(wanted.algorithms);
    if (offset > 0) await this.#hashFile(dataPath(repository, id), offset, hasher);
    this.#keep(id, hasher);
    return hasher;
  }

  async #hashFile(path: StoragePath, size: number, hasher: Hasher): Promise<void> {
    await using file = await this.#driver.open(path, { start: 0, end: size });
    for (let rest = size; rest > 0; ) {
      const buffer = Buffer.allocUnsafeSlow(Math.min(rest, MAX_BATCH_BYTES));
      const count = await file.read(buffer);
      if (count === 0) break;
      await hasher.update([buffer.subarray(0, count)]);
      rest -= count;
    }
  }

  async #exclusively<T>(repository: RepositoryName, id: string, work: () => Promise<T>): Promise<T> {
    if (this.#busy.has(id)) throw new UploadBusyError(id, (await this.get(repository, id)).offset);
    this.#busy.add(id);
    try {
      return await work();
    } finally {
      this.#busy.delete(id);
    }
  }

  async #remove(repository: RepositoryName, id: string): Promise<void> {
    this.#forget(id);
    await this.#driver.delete(uploadPath(repository, id), { durable: false });
  }

  #keep(id: string, hasher: Hasher): void {
    this.#hashers.delete(id); // to the end: the map's order is the order of last use
    this.#hashers.set(id, hasher);
    for (const oldest of this.#hashers.keys()) {
      if (this.#hashers.size <= MAX_KEPT_HASHERS) break;
      if (!this.#busy.has(oldest)) this.#forget(oldest);
    }
  }

  #forget(id: string): void {
    this.#hashers.get(id)?.close();
    this.#hashers.delete(id);
  }
}

/** Bytes are stored under sha256, whatever the client names them by. */
function algorithmsFor(algorithm: HashAlgorithm): readonly HashAlgorithm[] {
  return algorithm === 'sha256' ? ['sha256'] : ['sha256', algorithm];
}

function startedAtPath(repository: RepositoryName, id: string): StoragePath {
  return `${uploadPath(repository, id)}/startedat`;
}

function dataPath(repository: RepositoryName, id: string): StoragePath {
  return `${uploadPath(repository, id)}/data`;
}
