import { statfsSync } from 'node:fs';
import { NoRoomError } from './errors.js';

/** Looked for no more often than this much is written, and left free: others on the disk write too. */
const STEP_BYTES = 16 * 1024 ** 2;
const MEBIBYTE = 1024 ** 2;

/**
 * That what is written fits on the disk: a few bytes may announce more than any has, and a stream may have no end. Asked
 * before the bytes are written, so that nobody else finds the disk full meanwhile.
 */
export class Room {
  readonly #path: string | Buffer;
  #unlooked = 0;

  /** @param path anything that is on the disk. */
  constructor(path: string | Buffer) {
    this.#path = path;
  }

  /** @param what they are of, for the message. @throws {NoRoomError} */
  take(bytes: number, what: string): void {
    this.#unlooked += bytes;
    if (this.#unlooked < STEP_BYTES) return;
    this.#unlooked = 0;
    const free = this.#free();
    if (free >= Math.max(bytes, STEP_BYTES)) return;
    const wanted = bytes < STEP_BYTES ? 'goes on' : `takes ${Math.ceil(bytes / MEBIBYTE)} MiB`;
    throw new NoRoomError(
      `${what} ${wanted}, and the disk has ${Math.floor(free / MEBIBYTE)} MiB free: make room, or use less`,
    );
  }

  /** Passes on what fits. */
  async *hold(source: AsyncIterable<Uint8Array>, what: string): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      this.take(chunk.byteLength, what);
      yield chunk;
    }
  }

  /** A disk that cannot be asked counts as one with room. */
  #free(): number {
    try {
      const { bavail, bsize } = statfsSync(this.#path);
      return bavail * bsize;
    } catch {
      return Number.POSITIVE_INFINITY;
    }
  }
}
