import { closeSync, openSync, readSync } from 'node:fs';

const CHUNK_BYTES = 256 * 1024;

/** Compares files with each other, all with the same memory: V8 would collect for that of each. */
export class FileContent {
  #buffers: readonly [Buffer, Buffer] | undefined;

  /** Of two files of one size. */
  isSame(a: string | Buffer, b: string | Buffer): boolean {
    this.#buffers ??= [Buffer.allocUnsafeSlow(CHUNK_BYTES), Buffer.allocUnsafeSlow(CHUNK_BYTES)];
    const [left, right] = this.#buffers;
    const [first, second] = [openSync(a, 'r'), openSync(b, 'r')];
    try {
      for (;;) {
        const bytes = readSync(first, left);
        if (bytes !== readSync(second, right) || left.compare(right, 0, bytes, 0, bytes) !== 0) return false;
        if (bytes === 0) return true;
      }
    } finally {
      closeSync(first);
      closeSync(second);
    }
  }
}
