import { type LogFile, openLogFiles } from './log-files.js';
import type { LogRecord } from './log-record.js';
import { findTail } from './log-tail.js';

const CHUNK_BYTES = 64 * 1024;
const LINE_FEED = 10;
/** Conmon's are below 10 kB: what is longer is damaged, and left out. */
const MAX_LINE_BYTES = 256 * 1024;

/**
 * A place in a log. One that `follows` goes on from file to file as they are rotated; another ends where the log ended when it
 * was opened, whatever is written meanwhile.
 */
export class LogCursor implements AsyncDisposable {
  readonly #path: string;
  readonly #follows: boolean;
  /** The first is being read. */
  #files: LogFile[] = [];
  #offset = 0;
  /** A line that has not ended. */
  #rest: Buffer = Buffer.alloc(0);

  /** At the beginning. */
  constructor(path: string, { follows }: Readonly<{ follows: boolean }>) {
    this.#path = path;
    this.#follows = follows;
  }

  /** Goes to the last lines, of those that are wanted. */
  async seekTail(count: number, isWanted: (record: LogRecord) => boolean): Promise<void> {
    await this.#findNewer();
    const { file, offset } = await findTail(this.#files, count, isWanted);
    for (let i = 0; i < file; i += 1) await this.#leaveFile();
    this.#offset = offset;
  }

  /** What there is from here on, without line feeds. @throws the signal's reason. */
  async *lines(signal?: AbortSignal): AsyncGenerator<Buffer> {
    if (this.#files.length === 0) await this.#findNewer();
    for (;;) {
      yield* this.#linesOfFile(signal);
      if (this.#files.length < 2 && !(this.#follows && (await this.#findNewer()))) return;
      // Now that there is a newer one, nobody writes to this one any more.
      yield* this.#linesOfFile(signal);
      await this.#leaveFile();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { handle } of this.#files.splice(0)) await handle.close();
  }

  async *#linesOfFile(signal: AbortSignal | undefined): AsyncGenerator<Buffer> {
    for (;;) {
      signal?.throwIfAborted();
      const chunk = await this.#readChunk();
      if (chunk.length === 0) return;
      yield* this.#split(chunk);
    }
  }

  *#split(chunk: Buffer): Generator<Buffer> {
    const text = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    let from = 0;
    for (let at = text.indexOf(LINE_FEED); at >= 0; at = text.indexOf(LINE_FEED, from)) {
      yield text.subarray(from, at);
      from = at + 1;
    }
    this.#rest = text.subarray(from, from + MAX_LINE_BYTES);
  }

  async #readChunk(): Promise<Buffer> {
    const [file] = this.#files;
    if (file === undefined) return Buffer.alloc(0);
    const left = this.#follows ? CHUNK_BYTES : Math.max(0, file.size - this.#offset);
    const length = Math.min(CHUNK_BYTES, left);
    const { buffer, bytesRead } = await file.handle.read(Buffer.allocUnsafe(length), 0, length, this.#offset);
    this.#offset += bytesRead;
    return buffer.subarray(0, bytesRead);
  }

  /** @returns whether there is more than the file that is being read. */
  async #findNewer(): Promise<boolean> {
    const newest = this.#files.at(-1)?.identity;
    this.#files.push(...(await openLogFiles(this.#path, newest === undefined ? {} : { after: newest })));
    return this.#files.length > 1;
  }

  async #leaveFile(): Promise<void> {
    const file = this.#files.shift();
    this.#offset = 0;
    this.#rest = Buffer.alloc(0);
    await file?.handle.close();
  }
}
