import { createHash } from 'node:crypto';
import { type Digest, digestOf, type HashAlgorithm } from '../../oci/index.js';
import type { FileReader } from '../../storage/index.js';

/** Hashed in one go on the thread of the requests, which must not notice. */
const BUFFER_BYTES = 512 * 1024;

/** One is filled while the other is hashed. For one reader at a time. */
export type HashBuffers = readonly [Buffer, Buffer];

export function hashBuffers(): HashBuffers {
  return [Buffer.allocUnsafeSlow(BUFFER_BYTES), Buffer.allocUnsafeSlow(BUFFER_BYTES)];
}

/**
 * Reads all of a file.
 * @param onBytes is waited for before more is hashed.
 * @returns what it hashes to. @throws what reading throws, and `onBytes`.
 */
export async function hashFile(
  file: Pick<FileReader, 'read'>,
  algorithm: HashAlgorithm,
  buffers: HashBuffers,
  onBytes: (bytes: number) => Promise<void>,
): Promise<Digest> {
  const hash = createHash(algorithm);
  let [filling, next] = buffers;
  let reading = file.read(filling);
  try {
    for (let count = await reading; count > 0; count = await reading) {
      const full = filling;
      [filling, next] = [next, filling];
      reading = file.read(filling);
      hash.update(full.subarray(0, count));
      await onBytes(count);
    }
  } finally {
    await reading.catch(() => {}); // the buffer is not ours before
  }
  return digestOf(algorithm, hash.digest('hex'));
}
