import { closeSync, openSync, readSync } from 'node:fs';

const CHUNK_BYTES = 256 * 1024;

/** Compares two files of one size, without holding them. */
export function haveSameContent(a: string | Buffer, b: string | Buffer): boolean {
  const [first, second] = [openSync(a, 'r'), openSync(b, 'r')];
  const [left, right] = [Buffer.allocUnsafe(CHUNK_BYTES), Buffer.allocUnsafe(CHUNK_BYTES)];
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
