import { createHash, type Hash } from 'node:crypto';
import { renameSync, rmSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { type Digest, digestOf, type HashAlgorithm } from '../oci/index.js';

/** What may wait to be written to the disk, which would all have to be waited for at the end. */
const MAX_DIRTY_BYTES = 32 * 1024 * 1024;

/** A file that is hashed while it is written, and gone at the end unless it was moved. */
export class PartialFile implements AsyncDisposable {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #hash: Hash;
  readonly #algorithm: HashAlgorithm;
  #moved = false;
  #syncing: Promise<void> | undefined;
  #dirtyBytes = 0;
  /** A disk tells of a failure once only. */
  #failure: Readonly<{ error: unknown }> | undefined;
  size = 0;

  private constructor(path: string, file: FileHandle, algorithm: HashAlgorithm) {
    this.#path = path;
    this.#file = file;
    this.#algorithm = algorithm;
    this.#hash = createHash(algorithm);
  }

  static async create(path: string, algorithm: HashAlgorithm): Promise<PartialFile> {
    return new PartialFile(path, await open(path, 'wx', 0o644), algorithm);
  }

  async write(chunk: Uint8Array): Promise<void> {
    const writing = this.#file.writeFile(chunk); // hashed while the disk is busy
    this.#hash.update(chunk);
    this.size += chunk.length;
    await writing;
    this.#dirtyBytes += chunk.length;
    if (this.#dirtyBytes >= MAX_DIRTY_BYTES && this.#syncing === undefined) this.#startSync();
  }

  /** Of all that was written; asked once. */
  digest(): Digest {
    return digestOf(this.#algorithm, this.#hash.digest('hex'));
  }

  async moveTo(path: string): Promise<void> {
    await this.#syncing;
    await this.#file.datasync();
    if (this.#failure !== undefined) throw this.#failure.error;
    renameSync(this.#path, path);
    this.#moved = true;
  }

  /** While more is written. */
  #startSync(): void {
    this.#dirtyBytes = 0;
    this.#syncing = this.#file
      .datasync()
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => {
        this.#syncing = undefined;
      });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#syncing;
    await this.#file.close();
    if (!this.#moved) rmSync(this.#path, { force: true });
  }
}
