import type { Digest } from '../oci/index.js';
import { type ByteRange, type FileReader, PathNotFoundError, type StorageDriver } from '../storage/index.js';
import { ContentNotFoundError } from './errors.js';
import { blobPath } from './layout.js';

/**
 * Verified bytes by their canonical (sha256) digest, shared by all repositories. Which repository may serve what is
 * not known here; they get here by being published under `layout.blobPath`, by whoever has hashed them.
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

  signedUrl(canonical: Digest, method: 'GET' | 'HEAD'): Promise<string | undefined> {
    return this.#driver.signedUrl(blobPath(canonical), { method });
  }
}

function explained(digest: Digest, error: unknown): unknown {
  return error instanceof PathNotFoundError ? new ContentNotFoundError(digest, { cause: error }) : error;
}
