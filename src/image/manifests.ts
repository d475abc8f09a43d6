import { type Descriptor, type Manifest, MEDIA_TYPES, type Platform, parseManifest } from '../oci/index.js';

const INDEX_TYPES: ReadonlySet<string> = new Set([MEDIA_TYPES.ociIndex, MEDIA_TYPES.dockerManifestList]);
const IMAGE_TYPES: ReadonlySet<string> = new Set([MEDIA_TYPES.ociManifest, MEDIA_TYPES.dockerManifest]);

export function isIndexType(mediaType: string): boolean {
  return INDEX_TYPES.has(mediaType);
}

/** Whether it is a manifest of any kind, an index included: content that refers to other content. */
export function isManifestType(mediaType: string): boolean {
  return INDEX_TYPES.has(mediaType) || IMAGE_TYPES.has(mediaType);
}

/** All that a manifest refers to and cannot be used without its own store having it; layers with urls included. */
export function childrenOf(manifest: Manifest): readonly Descriptor[] {
  const config = manifest.config === undefined ? [] : [manifest.config];
  return [...config, ...manifest.layers, ...manifest.children];
}

/** BuildKit's attestations lie in an index as manifests for no platform. */
export function isAttestation({ platform }: Descriptor): boolean {
  return platform?.os === 'unknown' || platform?.architecture === 'unknown';
}

export function parseStored(bytes: Uint8Array, descriptor: Descriptor): Manifest {
  return parseManifest(bytes, isManifestType(descriptor.mediaType) ? descriptor.mediaType : '');
}

/** The descriptor without what an index says of it: as a name points to it. */
export function bare({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size };
}

/** The platform in an image's configuration. */
export function platformIn(
  config: Readonly<{ os: string; architecture: string; variant?: string }>,
): Platform {
  const { os, architecture, variant } = config;
  return { os, architecture, ...(variant === undefined ? {} : { variant }) };
}
