import { write, writeSync } from 'node:fs';
import { promisify } from 'node:util';

const writeAt = promisify(write);
/** More than one slice of a {@link Pace} fills: buffers come back only when others have their turn. */
const MAX_SPARES = 4;

/**
 * Writes a file from its beginning to its end while the next bytes are gathered: each buffer goes to a thread and comes
 * back when it is written. Where all are on their way, the caller writes by itself rather than wait.
 */
export class WriteBehind {
  readonly #fd: number;
  #position = 0;
  #spares: Buffer[] = [];
  #made = 0;
  readonly #running = new Set<Promise<void>>();
  #failure: { error: unknown } | undefined;

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Bytes so far, whether they have arrived or not. */
  get position(): number {
    return this.#position;
  }

  /**
   * Takes the first `used` bytes of a buffer, and the buffer.
   * @returns one of the same size to go on with, which may be the same.
   * @throws what became of an earlier one.
   */
  exchange(buffer: Buffer, used: number): Buffer {
    if (this.#failure) throw this.#failure.error;
    const next = this.#spare(buffer.byteLength);
    const bytes = buffer.subarray(0, used);
    if (next === undefined) {
      this.write(bytes);
      return buffer;
    }
    const running = writeAll(this.#fd, bytes, this.#position)
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => {
        this.#running.delete(running);
        this.#spares.push(buffer);
      });
    this.#running.add(running);
    this.#position += used;
    return next;
  }

  /** Writes bytes that the caller keeps. */
  write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.byteLength; ) {
      at += writeSync(this.#fd, bytes, at, bytes.byteLength - at, this.#position + at);
    }
    this.#position += bytes.byteLength;
  }

  /** Waits until nothing is on its way. @throws what became of any of it. */
  async settle(): Promise<void> {
    await Promise.all(this.#running);
    if (this.#failure) throw this.#failure.error;
  }

  #spare(size: number): Buffer | undefined {
    const spare = this.#spares.pop();
    if (spare !== undefined || this.#made === MAX_SPARES) return spare;
    this.#made += 1;
    return Buffer.allocUnsafeSlow(size);
  }
}

async function writeAll(fd: number, bytes: Buffer, position: number): Promise<void> {
  for (let at = 0; at < bytes.byteLength; ) {
    const { bytesWritten } = await writeAt(fd, bytes, at, bytes.byteLength - at, position + at);
    at += bytesWritten;
  }
}
