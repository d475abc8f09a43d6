import { randomUUID } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type ByteRange, type FileReader, StorageUnavailableError } from '../../storage/index.js';

/** Of a file that has no size of its own yet. */
export type GrowingReader = Omit<FileReader, 'fileSize'>;

/**
 * Bytes that many read while they still arrive, each at its own speed. They are in a file without a name, so that a crash
 * leaves nothing. The last byte is kept back until somebody has said that all of them are right.
 */
export class GrowingFile {
  readonly #file: FileHandle;
  #written = 0;
  #state: 'growing' | 'right' | Readonly<{ failure: unknown }> = 'growing';
  #waiting: (() => void)[] = [];
  #users = 1;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Bytes so far. */
  get written(): number {
    return this.#written;
  }

  /** @throws {StorageUnavailableError} */
  static async create(folder: string): Promise<GrowingFile> {
    const path = join(folder, `pull-${randomUUID()}`);
    return explained(folder, async () => {
      const file = await open(path, 'wx+', 0o600);
      await rm(path);
      return new GrowingFile(file);
    });
  }

  /** @throws {StorageUnavailableError} */
  async append(chunk: Uint8Array): Promise<void> {
    await explained('the place for blobs on their way', async () => {
      for (let at = 0; at < chunk.byteLength; ) {
        const { bytesWritten } = await this.#file.write(chunk, at, chunk.byteLength - at, this.#written);
        at += bytesWritten;
        this.#written += bytesWritten;
      }
    });
    this.#wake();
  }

  /** All came, and all is right: readers get the rest. */
  async end(): Promise<void> {
    this.#state = 'right';
    await this.#leave();
  }

  /** Readers fail, and never get all. */
  async fail(failure: unknown): Promise<void> {
    this.#state = { failure };
    await this.#leave();
  }

  /**
   * @param range its end may be `Infinity`, and is that of all bytes then.
   * @returns `undefined` when nothing can be read here any more.
   */
  open(range: ByteRange): GrowingReader | undefined {
    if (this.#users === 0) return undefined;
    this.#users += 1;
    let position = range.start;
    return {
      size: range.end - range.start,
      read: async (buffer) => {
        if (position >= range.end) return 0;
        const end = Math.min(range.end, await this.#readableBeyond(position), position + buffer.byteLength);
        if (end <= position) return 0;
        const { bytesRead } = await this.#file.read(buffer, 0, end - position, position);
        position += bytesRead;
        return bytesRead;
      },
      [Symbol.asyncDispose]: () => this.#release(),
    };
  }

  /** @returns where the bytes end that can be read: more than `position`, unless there are no more. */
  async #readableBeyond(position: number): Promise<number> {
    for (;;) {
      if (typeof this.#state === 'object') throw this.#state.failure;
      const end = this.#state === 'right' ? this.#written : this.#written - 1;
      if (end > position || this.#state === 'right') return end;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  #leave(): Promise<void> {
    this.#wake();
    return this.#release();
  }

  async #release(): Promise<void> {
    this.#users -= 1;
    if (this.#users === 0) await this.#file.close();
  }
}

async function explained<T>(place: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new StorageUnavailableError(`cannot write to ${place}`, { cause: error });
  }
}
