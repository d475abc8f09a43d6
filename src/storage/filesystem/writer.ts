import type { FileHandle } from 'node:fs/promises';
import { afterBytes } from '../chunks.js';
import type { AppendWriter, StoragePath } from '../driver.js';
import { explained } from './system-errors.js';

/** Flushing begins while bytes still arrive, so that publishing a large file has little left to wait for. */
const FLUSH_EVERY_BYTES = 16 * 1024 * 1024;

/** Appends to an open file, which it closes. */
export class FilesystemWriter implements AppendWriter {
  readonly #path: StoragePath;
  readonly #file: FileHandle;
  #size: number;
  #flushedSize: number;
  #flushing: Promise<void> | undefined;
  #flushFailure: { error: unknown } | undefined;

  constructor(path: StoragePath, file: FileHandle, size: number) {
    this.#path = path;
    this.#file = file;
    this.#size = size;
    this.#flushedSize = size;
  }

  get size(): number {
    return this.#size;
  }

  async append(chunks: readonly Uint8Array[]): Promise<void> {
    await explained(this.#path, async () => {
      let rest = chunks;
      while (rest.length > 0) {
        const { bytesWritten } = await this.#file.writev(rest);
        this.#size += bytesWritten;
        rest = afterBytes(rest, bytesWritten);
      }
    });
    if (this.#size - this.#flushedSize >= FLUSH_EVERY_BYTES) this.#flushInBackground();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#flushing;
    await this.#file.close();
    // The system tells of a failed flush only once: whoever publishes this file later would not hear of it.
    const failure = this.#flushFailure;
    if (failure) await explained(this.#path, () => Promise.reject(failure.error));
  }

  #flushInBackground(): void {
    if (this.#flushing !== undefined) return;
    this.#flushedSize = this.#size;
    this.#flushing = this.#file
      .datasync()
      .catch((error: unknown) => {
        this.#flushFailure = { error };
      })
      .finally(() => {
        this.#flushing = undefined;
      });
  }
}
