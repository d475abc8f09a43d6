import { readSync } from 'node:fs';
import { TarError } from './errors.js';

/** Reads a file from front to back in pieces, jumping where told to. */
export class FileWindow {
  readonly #fd: number;
  #buffer: Buffer;
  #start = 0;
  #end = 0;
  position = 0;

  constructor(fd: number, windowBytes: number) {
    this.#fd = fd;
    this.#buffer = Buffer.allocUnsafeSlow(windowBytes);
  }

  /** A copy. Fewer bytes only at the end. */
  take(count: number): Buffer {
    return Buffer.from(this.takeAt(this.position, count));
  }

  /** Whose memory is used again by the next call. Fewer bytes only at the end. */
  takeAt(position: number, count: number): Buffer {
    this.position = position;
    if (position < this.#start || position + count > this.#end) this.#load(count);
    const from = position - this.#start;
    const taken = this.#buffer.subarray(from, Math.min(from + count, this.#end - this.#start));
    this.position += taken.length;
    return taken;
  }

  /** @throws {TarError} beyond the end. */
  skip(count: number, path: string): void {
    if (count === 0) return;
    this.position += count - 1;
    if (!Number.isSafeInteger(this.position) || this.take(1).length === 0)
      throw new TarError(`the archive ends within ${JSON.stringify(path)}`);
  }

  #load(count: number): void {
    if (count > this.#buffer.length) this.#buffer = Buffer.allocUnsafeSlow(count);
    let filled = 0;
    while (filled < this.#buffer.length) {
      const bytes = readSync(
        this.#fd,
        this.#buffer,
        filled,
        this.#buffer.length - filled,
        this.position + filled,
      );
      if (bytes === 0) break;
      filled += bytes;
    }
    this.#start = this.position;
    this.#end = this.position + filled;
  }
}
