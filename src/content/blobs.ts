import { type Digest, encodedOf, findDigest } from '../oci/index.js';
import {
  type ByteRange,
  type FileReader,
  PathNotFoundError,
  type Publication,
  type StorageDriver,
} from '../storage/index.js';
import { ContentNotFoundError } from './errors.js';
import { blobPath, CANONICAL_BLOBS } from './layout.js';
import { RecentSizes } from './recent-sizes.js';
import type { VerifiedUpload } from './upload.js';

const BATCH = 500;
/** The first two letters of what is in it. */
const BEGINNING = /^[0-9a-f]{2}$/;
/** Directories that are listed at once. */
const DIRECTORIES = 16;

/**
 * Verified bytes by their canonical (sha256) digest, shared by all repositories. Which repository may serve what is
 * not known here; they get here by being published under `layout.blobPath`, by whoever has hashed them.
 */
export class Blobs {
  readonly #driver: StorageDriver;
  readonly #seen: RecentSizes;
  readonly #alone: boolean;

  /**
   * @param options `rememberMs`: how long the store is not asked again for a blob that was there; `alone`: no other process
   *   removes any.
   */
  constructor(
    driver: StorageDriver,
    { rememberMs = 0, alone = true }: { rememberMs?: number; alone?: boolean } = {},
  ) {
    this.#driver = driver;
    this.#seen = new RecentSizes(rememberMs);
    this.#alone = alone;
  }

  /** Size in bytes, or `undefined` when absent: not having it is an answer, not a failure. */
  async stat(canonical: Digest): Promise<number | undefined> {
    const seen = this.#seen.get(canonical);
    if (seen !== undefined) return seen;
    const size = (await this.#driver.stat(blobPath(canonical)))?.size;
    if (size !== undefined) this.#seen.set(canonical, size);
    return size;
  }

  /** The same, for who must know and not only guess: others may have removed since what was seen a while ago. */
  statNow(canonical: Digest): Promise<number | undefined> {
    if (!this.#alone) this.#seen.delete(canonical);
    return this.stat(canonical);
  }

  /** @throws {ContentNotFoundError} */
  async open(canonical: Digest, range?: ByteRange): Promise<FileReader> {
    try {
      return await this.#driver.open(blobPath(canonical), range);
    } catch (error) {
      this.#seen.delete(canonical);
      throw explained(canonical, error);
    }
  }

  /** Something small, such as a manifest, as a whole. @throws {ContentNotFoundError} */
  async read(canonical: Digest): Promise<Buffer> {
    try {
      return await this.#driver.read(blobPath(canonical));
    } catch (error) {
      throw explained(canonical, error);
    }
  }

  /** All that there are behind `after`, in byte order, a few hundred at a time. */
  async *list({ after }: { after?: Digest | undefined } = {}): AsyncGenerator<readonly Digest[]> {
    const isWanted = (digest: Digest) => after === undefined || digest > after;
    if (this.#driver.walk) {
      for await (const batch of this.#walk(({ digest }) => digest)) yield batch.filter(isWanted);
      return;
    }
    if (this.#driver.listAll) {
      for await (const batch of this.#listAll(after)) yield batch.filter(isWanted);
      return;
    }
    for await (const { name: beginning } of this.#driver.list(CANONICAL_BLOBS)) {
      if (after !== undefined && beginning < encodedOf(after).slice(0, beginning.length)) continue;
      const digests: Digest[] = [];
      for await (const { name } of this.#driver.list(`${CANONICAL_BLOBS}/${beginning}`)) {
        const digest = findDigest(`sha256:${name}`);
        if (digest && isWanted(digest)) digests.push(digest);
      }
      yield digests;
    }
  }

  async *#listAll(after: Digest | undefined): AsyncGenerator<readonly Digest[]> {
    const first = after === undefined ? '' : encodedOf(after).slice(0, 2);
    const [names = []] = (await this.#driver.listAll?.([CANONICAL_BLOBS])) ?? [];
    const beginnings = names.filter((name) => BEGINNING.test(name) && name >= first);
    for (let at = 0; at < beginnings.length; at += DIRECTORIES) {
      const folders = beginnings.slice(at, at + DIRECTORIES).map((name) => `${CANONICAL_BLOBS}/${name}`);
      const encoded = (await this.#driver.listAll?.(folders)) ?? [];
      const digests = encoded.flat().flatMap((name) => findDigest(`sha256:${name}`) ?? []);
      for (let from = 0; from < digests.length; from += BATCH) yield digests.slice(from, from + BATCH);
    }
  }

  /** Of all that there are, in bytes; `undefined` where each must be asked for. */
  async sizes(): Promise<ReadonlyMap<Digest, number> | undefined> {
    if (!this.#driver.walk) return undefined;
    const sizes = new Map<Digest, number>();
    for await (const batch of this.#walk((blob) => blob))
      for (const { digest, size } of batch) sizes.set(digest, size);
    return sizes;
  }

  /**
   * Sizes in bytes of those of them that there are, with the bytes of those that have no more than `readUpTo`; `undefined`
   * where it is no cheaper to ask for many than for each.
   */
  async gather(
    canonicals: readonly Digest[],
    options: { readUpTo: number },
  ): Promise<ReadonlyMap<Digest, { size: number; bytes?: Uint8Array }> | undefined> {
    const files = await this.#driver.gather?.(canonicals.map(blobPath), options);
    if (files === undefined) return undefined;
    const byPath = new Map(files.map((file) => [file.path, file]));
    return new Map(
      canonicals.flatMap((canonical) => {
        const file = byPath.get(blobPath(canonical));
        return file ? [[canonical, file]] : [];
      }),
    );
  }

  /** Size in bytes, and when the file was last given bytes or its name; `undefined` when absent. */
  async info(canonical: Digest): Promise<{ size: number; changedAt: Date } | undefined> {
    return this.#driver.stat(blobPath(canonical));
  }

  /**
   * For bytes that nothing leads to. They may come back after a power cut, as garbage again.
   * @param options `changedBefore`: what was given bytes or its name since then stays.
   * @returns the size in bytes of each that is gone; in the order given.
   */
  remove(
    canonicals: readonly Digest[],
    options: { changedBefore?: Date } = {},
  ): Promise<(number | undefined)[]> {
    for (const canonical of canonicals) this.#seen.delete(canonical);
    return this.#driver.deleteFiles(canonicals.map(blobPath), options);
  }

  async *#walk<T>(pick: (blob: { digest: Digest; size: number }) => T): AsyncGenerator<T[]> {
    let batch: T[] = [];
    for await (const { path, size } of this.#driver.walk?.(CANONICAL_BLOBS) ?? []) {
      const digest = findDigest(`sha256:${path.split('/').at(-2)}`);
      if (digest && path === blobPath(digest)) batch.push(pick({ digest, size }));
      if (batch.length < BATCH) continue;
      yield batch;
      batch = [];
    }
    yield batch;
  }

  signedUrl(canonical: Digest, method: 'GET' | 'HEAD'): Promise<string | undefined> {
    return this.#driver.signedUrl(blobPath(canonical), { method });
  }
}

/** What gives a verified upload the name of its content. */
export function publicationOf(verified: VerifiedUpload): Publication {
  const path = blobPath(verified.canonical);
  return 'file' in verified ? { path, file: verified.file } : { path, from: verified.path };
}

function explained(digest: Digest, error: unknown): unknown {
  return error instanceof PathNotFoundError ? new ContentNotFoundError(digest, { cause: error }) : error;
}
