import { randomUUID } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type ByteRange, type ByteReader, StorageUnavailableError } from '../../storage/index.js';

type Ended = 'right' | Readonly<{ failure: unknown }>;

const GROWING = 0o600;
/** What no file is made with, whatever is masked. */
const RIGHT = 0o500;
const READ_BYTES = 256 * 1024;

/** Whether a file with this mode is one of which all came and is right, for those who see it from outside. */
export function isMarkedRight(mode: number): boolean {
  return (mode & 0o777) === RIGHT;
}

/**
 * Bytes that many read while they still arrive, each at its own speed. They are in a file without a name, so that a crash
 * leaves nothing, unless other processes are to read it too. The last byte is kept back until somebody has said that all of them
 * are right.
 */
export class GrowingFile {
  readonly #file: FileHandle;
  /** Where others find it, until all came. */
  readonly #path: string | undefined;
  #written = 0;
  #state: 'growing' | Ended = 'growing';
  #waiting: (() => void)[] = [];
  #users = 1;
  #hadReaders = false;

  private constructor(file: FileHandle, path: string | undefined) {
    this.#file = file;
    this.#path = path;
  }

  /** Bytes so far. */
  get written(): number {
    return this.#written;
  }

  /** Whether somebody read it, and nobody does any more. */
  get isAbandoned(): boolean {
    return this.#hadReaders && this.#users === 1;
  }

  /** @param name under which others find it. @throws {StorageUnavailableError} */
  static async create(folder: string, name?: string): Promise<GrowingFile> {
    const path = join(folder, name ?? `pull-${randomUUID()}`);
    return explained(folder, async () => {
      const file = await open(path, 'wx+', GROWING);
      if (name === undefined) await rm(path);
      return new GrowingFile(file, name === undefined ? undefined : path);
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

  /** Takes back the last byte, which nobody has read. */
  dropLast(): void {
    this.#written = Math.max(0, this.#written - 1);
  }

  /** All bytes so far, in chunks that nobody else uses. */
  async *bytes(): AsyncGenerator<Uint8Array> {
    for (let position = 0; position < this.#written; ) {
      const length = Math.min(READ_BYTES, this.#written - position);
      const { buffer, bytesRead } = await this.#file.read(Buffer.allocUnsafe(length), { position });
      position += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  }

  /** All came, and all is right: readers get the rest. */
  async end(): Promise<void> {
    if (this.#path !== undefined) await this.#file.chmod(RIGHT).catch(() => {}); // who does not see it fetches for itself
    await this.#leave('right');
  }

  /** Readers fail, and never get all. */
  async fail(failure: unknown): Promise<void> {
    await this.#leave({ failure });
  }

  /**
   * @param range its end may be `Infinity`, and is that of all bytes then.
   * @returns `undefined` when nothing can be read here any more.
   */
  open(range: ByteRange): ByteReader | undefined {
    if (this.#users === 0) return undefined;
    this.#users += 1;
    this.#hadReaders = true;
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

  /** Whoever reads that it has ended finds it no more. */
  async #leave(state: Ended): Promise<void> {
    if (this.#path !== undefined) await rm(this.#path, { force: true }).catch(() => {}); // the next fetch removes it
    this.#state = state;
    this.#wake();
    await this.#release();
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
