import { createHash, type Hash } from 'node:crypto';
import { renameSync, rmSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { type Digest, digestOf, type HashAlgorithm } from '../oci/index.js';

/** A file that is hashed while it is written, and gone at the end unless it was moved. */
export class PartialFile implements AsyncDisposable {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #hash: Hash;
  readonly #algorithm: HashAlgorithm;
  #moved = false;
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
  }

  /** Of all that was written; asked once. */
  digest(): Digest {
    return digestOf(this.#algorithm, this.#hash.digest('hex'));
  }

  async moveTo(path: string): Promise<void> {
    await this.#file.datasync();
    renameSync(this.#path, path);
    this.#moved = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
    if (!this.#moved) rmSync(this.#path, { force: true });
  }
}
