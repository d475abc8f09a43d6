import { type Blobs, ContentNotFoundError } from '../../content/index.js';
import type { Digest } from '../../oci/index.js';
import { isSystemError, reasonOf } from '../system-error.js';
import { type HashBuffers, hashFile } from './hash-file.js';

/** Bytes that are wrong, as they were changed last at that time. */
export type Suspect = Readonly<{
  digest: Digest;
  problem: 'damaged' | 'unreadable';
  changedAt: number;
  detail: string;
}>;

/** @returns what is wrong with the bytes; `undefined` for nothing, or for bytes that are gone. */
export async function checkBlob(
  blobs: Blobs,
  digest: Digest,
  buffers: HashBuffers,
  onBytes: (bytes: number) => Promise<void>,
): Promise<Suspect | undefined> {
  const info = await blobs.info(digest);
  if (info === undefined) return undefined;
  const suspect = { digest, changedAt: info.changedAt.getTime() };
  try {
    await using file = await blobs.open(digest);
    const actual = await hashFile(file, 'sha256', buffers, onBytes);
    if (actual === digest) return undefined;
    const detail = `the ${info.size} bytes of ${digest} hash to ${actual}`;
    return { ...suspect, problem: 'damaged', detail };
  } catch (error) {
    if (error instanceof ContentNotFoundError) return undefined;
    if (!isSystemError(error) || error.code !== 'EIO') throw error;
    return { ...suspect, problem: 'unreadable', detail: `${digest} cannot be read: ${reasonOf(error)}` };
  }
}
