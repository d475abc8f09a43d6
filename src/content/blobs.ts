import type { Digest } from '../oci/index.js';
import {
  type ByteRange,
  type FileReader,
  PathNotFoundError,
  type StorageDriver,
  type StoragePath,
} from '../storage/index.js';
import { ContentNotFoundError } from './errors.js';
import { blobPath } from './layout.js';

/**
 * Verified bytes by their canonical (sha256) digest, shared by all repositories: whoever calls `adopt` or `put`
 * has hashed them. Which repository may serve what is not known here.
 */
export class Blobs {
  readonly #driver: StorageDriver;

  constructor(driver: StorageDriver) {
    this.#driver = driver;
  }

  /** Size in bytes, or `undefined` when absent: not having it is an answer, not a failure. */
  async stat(canonical: Digest): Promise<number | undefined> {
    return (await this.#driver.stat(blobPath(canonical)))?.size;
  }

  /** @throws {ContentNotFoundError} */
  async open(canonical: Digest, range?: ByteRange): Promise<FileReader> {
    try {
      return await this.#driver.open(blobPath(canonical), range);
    } catch (error) {
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

  async put(canonical: Digest, bytes: Uint8Array): Promise<void> {
    if ((await this.stat(canonical)) !== bytes.byteLength)
      await this.#driver.write(blobPath(canonical), bytes);
  }

  /** Makes a durable file, whose bytes were verified, readable as `canonical`. */
  async adopt(canonical: Digest, file: StoragePath, size: number): Promise<void> {
    // Another client may have finished the same blob meanwhile; its bytes are as good as these.
    if ((await this.stat(canonical)) !== size) await this.#driver.move(file, blobPath(canonical));
  }

  signedUrl(canonical: Digest, method: 'GET' | 'HEAD'): Promise<string | undefined> {
    return this.#driver.signedUrl(blobPath(canonical), { method });
  }
}

function explained(digest: Digest, error: unknown): unknown {
  return error instanceof PathNotFoundError ? new ContentNotFoundError(digest, { cause: error }) : error;
}
