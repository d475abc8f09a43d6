import {
  ContentSizeError,
  DigestMismatchError,
  type ImageEndpoint,
  MAX_MANIFEST_BYTES,
} from '../content/index.js';
import { type Descriptor, digestOfBytes, hashAlgorithmOf } from '../oci/index.js';
import { ImageFormatError } from './errors.js';

/**
 * Reads small content into memory: a manifest, a configuration. Verified.
 * @throws {ImageFormatError} too large for that. @throws {DigestMismatchError} or {ContentSizeError}
 */
export async function readContent(
  from: Pick<ImageEndpoint, 'name' | 'fetch'>,
  descriptor: Descriptor,
  { maxBytes = MAX_MANIFEST_BYTES, signal }: { maxBytes?: number; signal?: AbortSignal } = {},
): Promise<Buffer> {
  const { digest, size } = descriptor;
  if (size > maxBytes) throw new ImageFormatError(`${digest} of ${from.name} is too large: ${size} bytes`);
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of await from.fetch(descriptor, signal && { signal })) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > size) break;
  }
  if (length !== size) throw new ContentSizeError(digest, size, length);
  const bytes = Buffer.concat(chunks);
  const algorithm = hashAlgorithmOf(digest);
  const actual = digestOfBytes(algorithm, bytes);
  if (actual !== digest) throw new DigestMismatchError(digest, actual);
  return bytes;
}
