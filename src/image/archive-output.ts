import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream, renameSync, rmSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { type Entry, entryHeader, paddingOf } from '../layer/index.js';

const TRAILER = Buffer.alloc(1024);

/** An uncompressed tar on its way into a file, which appears when it is whole, or into a stream. */
export class ArchiveOutput implements AsyncDisposable {
  readonly #stream: Writable;
  readonly #file: Readonly<{ partial: string; path: string }> | undefined;
  #error: Error | undefined;
  #isFinished = false;

  private constructor(stream: Writable, file?: Readonly<{ partial: string; path: string }>) {
    this.#stream = stream;
    this.#file = file;
    stream.on('error', (error) => {
      this.#error ??= error;
    });
  }

  static toFile(path: string): ArchiveOutput {
    const partial = `${path}.partial-${randomBytes(4).toString('hex')}`;
    return new ArchiveOutput(createWriteStream(partial, { flags: 'wx', mode: 0o644 }), { partial, path });
  }

  /** The stream is not ended. */
  static toStream(stream: Writable): ArchiveOutput {
    return new ArchiveOutput(stream);
  }

  /** One member with its content. Chunks must not change afterwards. */
  async add(entry: Entry, content: AsyncIterable<Uint8Array> | Iterable<Uint8Array> = []): Promise<void> {
    await this.#write(entryHeader(entry));
    let size = 0;
    for await (const chunk of content) {
      await this.#write(chunk);
      size += chunk.length;
    }
    if (size !== entry.size) throw new Error(`${entry.path} should have ${entry.size} bytes, not ${size}`);
    await this.#write(Buffer.alloc(paddingOf(entry.size)));
  }

  /** Ends the archive, and lets the file be seen. */
  async finish(): Promise<void> {
    await this.#write(TRAILER);
    if (this.#file !== undefined) {
      this.#stream.end();
      await finished(this.#stream);
      renameSync(this.#file.partial, this.#file.path);
    }
    this.#isFinished = true;
  }

  /** What is not finished is not kept. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isFinished || this.#file === undefined) return;
    this.#stream.destroy();
    if (!this.#stream.closed) await once(this.#stream, 'close').catch(() => undefined);
    rmSync(this.#file.partial, { force: true });
  }

  async #write(chunk: Uint8Array): Promise<void> {
    if (this.#error !== undefined) throw this.#error;
    if (chunk.length > 0 && !this.#stream.write(chunk)) await once(this.#stream, 'drain');
  }
}
