import { chainIDs, type Descriptor, type Digest, MEDIA_TYPES } from '../oci/index.js';

/** A layer of an image that is being built. */
export type Layer = Readonly<{
  diffID: Digest;
  /** As a manifest names it: a base image's own blob, or the uncompressed tar. */
  descriptor: Descriptor;
  /** Whether it came with a base image, whose bytes nobody changes. */
  isBase: boolean;
}>;

/** A layer that a step made; its blob is the tar itself. */
export function builtLayer(diffID: Digest, size: number): Layer {
  return { diffID, descriptor: { mediaType: MEDIA_TYPES.ociLayer, digest: diffID, size }, isBase: false };
}

/** Names a stack by its content; `''` is no layer at all. */
export function chainOf(layers: readonly Layer[]): string {
  return chainIDs(layers.map(({ diffID }) => diffID)).at(-1) ?? '';
}
