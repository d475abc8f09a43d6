import { closeSync, openSync, readSync } from 'node:fs';
import type { Descriptor } from '../oci/index.js';
import type { LocalStore } from './local-store.js';
import { compressionOf } from './media-type-format.js';

/**
 * Bytes of a stored layer when uncompressed: known, or what the end of a gzip file says, or else its bytes as they are.
 * For people to read.
 */
export function layerSize(store: LocalStore, layer: Descriptor): number {
  const known = store.layers.facts(layer.digest)?.size;
  if (known !== undefined) return known;
  const stated = compressionOf(layer.mediaType) === 'gzip' ? gzipSize(store, layer) : 0;
  // The field has 32 bits, and of several members it tells of the last one only.
  return Math.max(stated, layer.size);
}

/** Uncompressed bytes of all layers of an image. */
export function imageSize(store: LocalStore, layers: readonly Descriptor[]): number {
  return layers.reduce((sum, layer) => sum + layerSize(store, layer), 0);
}

/** RFC 1952 section 2.3.1, ISIZE. */
function gzipSize(store: LocalStore, { digest, size }: Descriptor): number {
  if (size < 18 || store.sizeOf(digest) !== size) return 0;
  const file = openSync(store.blobPath(digest), 'r');
  try {
    const buffer = Buffer.alloc(4);
    readSync(file, buffer, 0, 4, size - 4);
    return buffer.readUInt32LE();
  } finally {
    closeSync(file);
  }
}
