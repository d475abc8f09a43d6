import { randomUUID } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterBytes, bytesOf } from '../chunks.js';
import { StorageUnavailableError } from '../errors.js';

/** What is no longer than this is not worth a file. */
const MEMORY_BYTES = 256 * 1024;
const READ_BYTES = 256 * 1024;

/**
 * The bytes of one part while they gather, and until the store has them: a part must be sent with its length, and again
 * where that fails. They are in a file without a name, so that memory does not depend on how many are under way.
 */
export class Spool implements AsyncDisposable {
  #size = 0;
  #chunks: Buffer[] = [];
  #file: FileHandle | undefined;

  get size(): number {
    return this.#size;
  }

  /** The chunks may be reused once this resolves. @throws {StorageUnavailableError} no file can be written. */
  async write(chunks: readonly Uint8Array[]): Promise<void> {
    const bytes = bytesOf(chunks);
    if (this.#file === undefined && this.#size + bytes <= MEMORY_BYTES) {
      this.#chunks.push(...chunks.map((chunk) => Buffer.from(chunk)));
      this.#size += bytes;
      return;
    }
    try {
      this.#file ??= await openUnnamed();
      await writeAll(this.#file, [...this.#chunks, ...chunks], this.#size - bytesOf(this.#chunks));
      this.#chunks = [];
      this.#size += bytes;
    } catch (error) {
      throw new StorageUnavailableError(
        `cannot keep what is to be sent in ${tmpdir()}, which TMPDIR chooses`,
        {
          cause: error,
        },
      );
    }
  }

  /**
   * Has all bytes sent, once. Called again to send them once more.
   * @param request is to give up when the signal says so.
   * @param before what the last bytes wait for, where there are many; unless it is true, they are not sent.
   */
  async send<T>(
    request: (body: Buffer | Readable, options: { abortSignal?: AbortSignal }) => Promise<T>,
    before?: Promise<boolean>,
  ): Promise<T> {
    if (this.#file === undefined) return request(Buffer.concat(this.#chunks), {});
    const stop = new AbortController();
    const body = Readable.from(pieces(this.#file, this.#size, before), { highWaterMark: 1 });
    body.on('error', (error) => stop.abort(error)); // whoever is sending does not hear of it
    try {
      return await request(body, { abortSignal: stop.signal });
    } catch (error) {
      throw stop.signal.aborted ? stop.signal.reason : error;
    } finally {
      body.destroy();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#chunks = [];
    await this.#file?.close();
    this.#file = undefined;
  }
}

async function* pieces(
  file: FileHandle,
  size: number,
  before: Promise<boolean> | undefined,
): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < size; ) {
    const buffer = Buffer.allocUnsafeSlow(Math.min(READ_BYTES, size - at));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
    if (bytesRead === 0) throw new StorageUnavailableError(`a file in ${tmpdir()} was cut short`);
    at += bytesRead;
    if (at === size && (await before) === false) throw new Error('what goes before was not sent');
    yield buffer.subarray(0, bytesRead);
  }
}

async function openUnnamed(): Promise<FileHandle> {
  const path = join(tmpdir(), `berth-part-${randomUUID()}`);
  const file = await open(path, 'wx+', 0o600);
  await rm(path);
  return file;
}

async function writeAll(file: FileHandle, chunks: readonly Uint8Array[], position: number): Promise<void> {
  let rest = chunks.filter(({ byteLength }) => byteLength > 0);
  for (let at = position; rest.length > 0; ) {
    const { bytesWritten } = await file.writev(rest, at);
    at += bytesWritten;
    rest = afterBytes(rest, bytesWritten);
  }
}
