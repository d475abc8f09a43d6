import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { constants, createWriteStream, openSync, readlinkSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { setTimeout } from 'node:timers/promises';
import { getSystemErrorMessage } from 'node:util';
import { type Entry, entryHeader, paddingOf } from '../layer/index.js';

const TRAILER = Buffer.alloc(1024);
const MAX_LINKS = 40;
const READER_POLL_MS = 100;

/** A file that is ours to close; with a name while it is written, and the one that it gets. */
type OwnFile = Readonly<{ partial: string; path: string }> | Readonly<{ partial?: never; path?: never }>;

/** `signal` ends the wait for whoever reads. */
type OutputOptions = Readonly<{ signal?: AbortSignal }>;

/** An uncompressed tar on its way into a file, which appears when it is whole, or into a stream. */
export class ArchiveOutput implements AsyncDisposable {
  readonly #stream: Writable;
  readonly #file: OwnFile | undefined;
  readonly #signal: AbortSignal | undefined;
  #error: Error | undefined;
  #isFinished = false;

  private constructor(stream: Writable, { signal }: OutputOptions, file?: OwnFile) {
    this.#stream = stream;
    this.#signal = signal;
    this.#file = file;
    stream.on('error', (error) => {
      this.#error ??= error;
    });
  }

  /**
   * @param path links are followed; what is no ordinary file, such as a pipe or a device, is written as it is.
   * @throws {Error} it cannot be written, and why.
   */
  static async toFile(path: string, options: OutputOptions = {}): Promise<ArchiveOutput> {
    const target = followed(path);
    const stat = statSync(target, { throwIfNoEntry: false });
    if (stat?.isDirectory()) throw new Error(`cannot write ${path}: it is a directory`);
    if (stat?.isFIFO()) return new ArchiveOutput(await openPipe(target, options), options, {});
    if (stat !== undefined && !stat.isFile())
      return new ArchiveOutput(createWriteStream(target), options, {});
    const partial = `${target}.partial-${randomBytes(4).toString('hex')}`;
    const fd = openNew(partial, path);
    return new ArchiveOutput(createWriteStream(partial, { fd }), options, { partial, path: target });
  }

  /** The stream is not ended. */
  static toStream(stream: Writable, options: OutputOptions = {}): ArchiveOutput {
    return new ArchiveOutput(stream, options);
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
      const { partial, path } = this.#file;
      if (partial !== undefined && path !== undefined) renameSync(partial, path);
    }
    this.#isFinished = true;
  }

  /** What is not finished is not kept. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isFinished || this.#file === undefined) return;
    this.#stream.destroy();
    if (!this.#stream.closed) await once(this.#stream, 'close').catch(() => undefined);
    if (this.#file.partial !== undefined) rmSync(this.#file.partial, { force: true });
  }

  async #write(chunk: Uint8Array): Promise<void> {
    if (this.#error !== undefined) throw this.#error;
    if (chunk.length > 0 && !this.#stream.write(chunk)) await this.#drained();
  }

  async #drained(): Promise<void> {
    await once(this.#stream, 'drain', this.#signal && { signal: this.#signal });
  }
}

function openNew(partial: string, path: string): number {
  try {
    return openSync(partial, 'wx', 0o644);
  } catch (error) {
    throw cannotWrite(path, error);
  }
}

/** Waits until somebody reads a named pipe, as opening it would, but not in a thread that no signal can end. */
async function openPipe(path: string, { signal }: OutputOptions): Promise<Writable> {
  const { Socket } = process.getBuiltinModule('node:net');
  for (;;) {
    const fd = openRead(path);
    if (fd !== undefined) return new Socket({ fd, readable: false });
    await setTimeout(READER_POLL_MS, undefined, signal && { signal });
  }
}

/** @returns `undefined` as long as nobody reads. */
function openRead(path: string): number | undefined {
  try {
    return openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENXIO') return undefined;
    throw cannotWrite(path, error);
  }
}

function cannotWrite(path: string, error: unknown): Error {
  const { errno = 0 } = error as NodeJS.ErrnoException;
  return new Error(`cannot write ${path}: ${getSystemErrorMessage(errno)}`, { cause: error });
}

/** Where a chain of links leads, whether or not something is there. */
function followed(path: string): string {
  let at = path;
  for (let links = 0; links < MAX_LINKS; links += 1) {
    const target = linkTarget(at);
    if (target === undefined) return at;
    at = resolve(dirname(at), target);
  }
  return at; // the system says that there are too many
}

function linkTarget(path: string): string | undefined {
  try {
    const target = readlinkSync(path);
    return target.startsWith('pipe:') || target.startsWith('socket:') ? undefined : target; // of /proc/self/fd
  } catch {
    return undefined;
  }
}
