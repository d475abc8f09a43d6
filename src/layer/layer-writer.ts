import { createHash } from 'node:crypto';
import { closeSync, constants, fsyncSync, openSync, readSync, rmSync } from 'node:fs';
import { type Digest, digestOf } from '../oci/index.js';
import type { Entry } from './entry.js';
import { FileChangedError, LayerError } from './errors.js';
import { type IndexedEntry, LayerIndex } from './layer-index.js';
import { Pace } from './pace.js';
import { Room } from './room.js';
import { BLOCK_BYTES, paddingOf } from './tar-format.js';
import { paxBlocks, writeHeader } from './tar-header.js';
import { WriteBehind } from './write-behind.js';

const BUFFER_BYTES = 1024 * 1024;
/** Not through a link or into a device that took the file's place since it was listed. */
const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** `onChunk` sees the content on its way; a chunk's memory is used again afterwards. `onEnd`: all of it was read. */
type FileWatch = Readonly<{ onChunk?: (chunk: Uint8Array) => void; onEnd?: (fd: number) => void }>;

export type FinishedLayer = Readonly<{ diffID: Digest; size: number; index: LayerIndex }>;

/**
 * Writes an uncompressed layer tar and hashes it in the same pass. The same entries in the same order give the same
 * bytes: headers hold nothing but what {@link Entry} says, and no names of users. Order is the caller's business;
 * a directory comes before what is in it. Calls are synchronous: whoever adds much keeps a {@link Pace}.
 * After a failure only {@link abort} is left.
 * @throws {NoRoomError} the disk would be filled.
 */
export class LayerWriter implements Disposable {
  readonly path: string;
  readonly #fd: number;
  readonly #file: WriteBehind;
  readonly #room: Room;
  readonly #hash = createHash('sha256');
  #buffer: Buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  /** Bytes in the buffer. */
  #used = 0;
  readonly #entries: IndexedEntry[] = [];
  #isOpen = true;

  private constructor(path: string) {
    this.path = path;
    this.#fd = openSync(path, 'wx', 0o600);
    this.#file = new WriteBehind(this.#fd);
    this.#room = new Room(path);
  }

  /** `path` must not exist yet. */
  static create(path: string): LayerWriter {
    return new LayerWriter(path);
  }

  /** Bytes of the tar so far. */
  get size(): number {
    return this.#file.position + this.#used;
  }

  get entryCount(): number {
    return this.#entries.length;
  }

  /** @param content exactly `entry.size` bytes. */
  add(entry: Entry, content: Uint8Array = EMPTY): void {
    if (content.byteLength !== entry.size) throw wrongSize(entry, content.byteLength);
    this.#begin(entry);
    this.#append(content);
    this.#pad(entry.size);
  }

  /**
   * Reads the content from a file, which must have `entry.size` bytes.
   * @throws {FileChangedError} it has more, or fewer.
   */
  addFile(entry: Entry, path: string | Buffer, { onChunk, onEnd }: FileWatch = {}): void {
    const fd = openSync(path, READ_FLAGS);
    try {
      this.#begin(entry);
      let missing: number | undefined = entry.size;
      while (missing !== undefined) missing = this.#readSome(fd, missing, path, onChunk);
      onEnd?.(fd);
    } finally {
      closeSync(fd);
    }
    this.#pad(entry.size);
  }

  /** As {@link addFile}, letting others have their turn: for files that take more than a few milliseconds. */
  async addLargeFile(entry: Entry, path: string | Buffer, { onChunk, onEnd }: FileWatch = {}): Promise<void> {
    const pace = new Pace();
    const fd = openSync(path, READ_FLAGS);
    try {
      this.#begin(entry);
      let missing: number | undefined = entry.size;
      while (missing !== undefined) {
        missing = this.#readSome(fd, missing, path, onChunk);
        if (pace.isDue()) await pace.breathe();
      }
      onEnd?.(fd);
    } finally {
      closeSync(fd);
    }
    this.#pad(entry.size);
  }

  /** @param chunks together `entry.size` bytes; each is done with before the next is asked for. */
  addChunks(entry: Entry, chunks: Iterable<Uint8Array>): void {
    this.#begin(entry);
    let size = 0;
    for (const chunk of chunks) {
      size += chunk.byteLength;
      if (size > entry.size) break;
      this.#append(chunk);
    }
    if (size !== entry.size) throw wrongSize(entry, size);
    this.#pad(entry.size);
  }

  /** @param source together `entry.size` bytes. */
  async addFrom(entry: Entry, source: AsyncIterable<Uint8Array>): Promise<void> {
    this.#begin(entry);
    let size = 0;
    for await (const chunk of source) {
      size += chunk.byteLength;
      if (size > entry.size) break;
      this.#append(chunk);
    }
    if (size !== entry.size) throw wrongSize(entry, size);
    this.#pad(entry.size);
  }

  /** Ends and closes the file. @param options `sync`: it would survive a power cut, but for its name. */
  async finish({ sync = false }: { sync?: boolean } = {}): Promise<FinishedLayer> {
    this.#append(Buffer.alloc(2 * BLOCK_BYTES));
    const last = this.#buffer.subarray(0, this.#used);
    this.#hash.update(last);
    this.#file.write(last);
    this.#used = 0;
    await this.#file.settle();
    if (sync) fsyncSync(this.#fd);
    this.#isOpen = false;
    closeSync(this.#fd);
    const diffID = digestOf('sha256', this.#hash.digest('hex'));
    return { diffID, size: this.size, index: new LayerIndex(this.#entries) };
  }

  /** Removes the file. Does nothing once finished. */
  abort(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    rmSync(this.path, { force: true });
    const close = () => closeSync(this.#fd);
    this.#file.settle().then(close, close); // not before: its number may be another file's at once
  }

  [Symbol.dispose](): void {
    this.abort();
  }

  #begin(entry: Entry): void {
    this.#room.take(entry.size, JSON.stringify(entry.path));
    const pax = paxBlocks(entry);
    if (pax) this.#append(pax);
    if (this.#used + BLOCK_BYTES > BUFFER_BYTES) this.#flush();
    writeHeader(this.#buffer, this.#used, entry);
    this.#used += BLOCK_BYTES;
    this.#entries.push({ entry, offset: this.size });
  }

  #append(bytes: Uint8Array): void {
    if (bytes.byteLength > BUFFER_BYTES) {
      this.#flush();
      this.#hash.update(bytes);
      this.#file.write(bytes);
      return;
    }
    if (this.#used + bytes.byteLength > BUFFER_BYTES) this.#flush();
    this.#buffer.set(bytes, this.#used);
    this.#used += bytes.byteLength;
  }

  #pad(size: number): void {
    const padding = paddingOf(size);
    if (this.#used + padding > BUFFER_BYTES) this.#flush();
    this.#buffer.fill(0, this.#used, this.#used + padding);
    this.#used += padding;
  }

  /**
   * Straight into the buffer. One byte more is asked for than there should be, so that a small file and its end are seen by
   * one call.
   * @returns how many bytes are still missing; `undefined` once the end was seen.
   */
  #readSome(
    fd: number,
    missing: number,
    path: string | Buffer,
    onChunk?: (chunk: Uint8Array) => void,
  ): number | undefined {
    if (this.#used + Math.min(missing + 1, BUFFER_BYTES) > BUFFER_BYTES) this.#flush();
    const asked = Math.min(missing + 1, BUFFER_BYTES - this.#used);
    const bytes = readSync(fd, this.#buffer, this.#used, asked, null);
    if (bytes > missing) throw new FileChangedError(String(path), 'it has more bytes than it had');
    if (bytes === 0 && missing > 0)
      throw new FileChangedError(String(path), `it ends ${missing} bytes early`);
    if (onChunk && bytes > 0) onChunk(this.#buffer.subarray(this.#used, this.#used + bytes));
    this.#used += bytes;
    return bytes === missing && asked > missing ? undefined : missing - bytes;
  }

  #flush(): void {
    this.#hash.update(this.#buffer.subarray(0, this.#used));
    this.#buffer = this.#file.exchange(this.#buffer, this.#used);
    this.#used = 0;
  }
}

const EMPTY = new Uint8Array();

function wrongSize(entry: Entry, size: number): LayerError {
  return new LayerError(entry.path, `its content has ${size} bytes or more, not the ${entry.size} announced`);
}
