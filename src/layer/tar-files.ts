import { closeSync, openSync, readSync } from 'node:fs';
import { TarError } from './errors.js';
import type { ContentPlace } from './rootfs-tree.js';
import type { Segment } from './sparse.js';

const CHUNK_BYTES = 256 * 1024;

/** Reads content out of tar files, each of which is opened once. */
export class TarFiles implements Disposable {
  readonly #descriptors = new Map<string, number>();
  #buffer: Buffer | undefined;

  /** The content of a file, holes filled. Each chunk's memory is used again for the next one, of any file. */
  *read(place: ContentPlace, size: number): Generator<Uint8Array> {
    this.#buffer ??= Buffer.allocUnsafeSlow(CHUNK_BYTES);
    const segments: readonly Segment[] = place.sparse ?? [{ offset: 0, length: size }];
    let at = 0;
    let stored = place.offset;
    for (const { offset, length } of segments) {
      yield* this.#zeros(offset - at);
      for (let missing = length; missing > 0; ) {
        const bytes = this.#readAt(place.tar, stored, Math.min(missing, CHUNK_BYTES));
        missing -= bytes.length;
        stored += bytes.length;
        yield bytes;
      }
      at = offset + length;
    }
    yield* this.#zeros(size - at);
  }

  /** A part of the content, as far as there is any. */
  readPart(
    place: ContentPlace,
    size: number,
    { offset, count }: Readonly<{ offset: number; count: number }>,
  ): Buffer {
    const end = Math.min(size, offset + count);
    if (offset >= end) return Buffer.alloc(0);
    const isPlain = place.sparse === undefined;
    const from = isPlain ? { tar: place.tar, offset: place.offset + offset } : place;
    const parts: Buffer[] = [];
    let at = isPlain ? offset : 0;
    for (const chunk of this.read(from, isPlain ? end - offset : size)) {
      parts.push(Buffer.from(chunk.subarray(Math.max(0, offset - at), Math.max(0, end - at))));
      at += chunk.byteLength;
      if (at >= end) break;
    }
    return Buffer.concat(parts);
  }

  /** Closes all; they are opened again when needed. */
  [Symbol.dispose](): void {
    for (const descriptor of this.#descriptors.values()) closeSync(descriptor);
    this.#descriptors.clear();
  }

  #readAt(path: string, position: number, count: number): Uint8Array {
    let descriptor = this.#descriptors.get(path);
    if (descriptor === undefined) {
      descriptor = openSync(path, 'r');
      this.#descriptors.set(path, descriptor);
    }
    const buffer = this.#buffer ?? Buffer.alloc(CHUNK_BYTES);
    const bytes = readSync(descriptor, buffer, 0, count, position);
    if (bytes === 0) throw new TarError(`${path} ends at byte ${position}, within the content of an entry`);
    return buffer.subarray(0, bytes);
  }

  *#zeros(count: number): Generator<Uint8Array> {
    for (let rest = count; rest > 0; rest -= CHUNK_BYTES) yield Buffer.alloc(Math.min(rest, CHUNK_BYTES));
  }
}
