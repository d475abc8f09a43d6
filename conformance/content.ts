import { createHash, randomBytes } from 'node:crypto';
import { OCI_CONFIG, OCI_EMPTY, OCI_INDEX, OCI_LAYER, OCI_MANIFEST } from './media-types.ts';

/** Bytes and their name. */
export type Blob = Readonly<{ bytes: Buffer; digest: string }>;
export type Manifest = Blob & Readonly<{ mediaType: string }>;
/** image-spec descriptor.md. */
export type Descriptor = Readonly<{
  mediaType: string;
  digest: string;
  size: number;
  annotations?: Readonly<Record<string, string>>;
  artifactType?: string;
  [field: string]: unknown;
}>;

export function digestOf(bytes: Uint8Array | string, algorithm: 'sha256' | 'sha512' = 'sha256'): string {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;
}

export function blobOf(bytes: Uint8Array | string): Blob {
  return { bytes: Buffer.from(bytes), digest: digestOf(bytes) };
}

/** A blob that no registry has seen before. */
export function randomBlob(size = 64): Blob {
  return blobOf(randomBytes(size));
}

/** A digest of bytes that nobody has. */
export function absentDigest(): string {
  return digestOf(randomBytes(32));
}

export function descriptorOf(
  content: Blob,
  mediaType: string,
  more: Record<string, unknown> = {},
): Descriptor {
  return { mediaType, digest: content.digest, size: content.bytes.length, ...more };
}

export function manifestDescriptor(manifest: Manifest, more: Record<string, unknown> = {}): Descriptor {
  return descriptorOf(manifest, manifest.mediaType, more);
}

/** A manifest of exactly these fields, in this order. */
export function manifestOf(mediaType: string, fields: Record<string, unknown>): Manifest {
  return { ...blobOf(JSON.stringify(fields)), mediaType };
}

/** A config blob that differs from all others, for an image without a single layer to unpack. */
export function imageConfig(): Blob {
  const config = {
    architecture: 'amd64',
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: [] },
    author: nonce(),
  };
  return blobOf(JSON.stringify(config));
}

/** image-spec manifest.md, "Guidance for an Empty Descriptor". */
export const EMPTY_BLOB: Blob = blobOf('{}');
export const EMPTY_DESCRIPTOR: Descriptor = descriptorOf(EMPTY_BLOB, OCI_EMPTY);

/** An OCI image manifest. @param more fields after `layers`, or replacements. */
export function imageManifest(
  config: Blob,
  layers: readonly Blob[],
  more: Record<string, unknown> = {},
): Manifest {
  return manifestOf(OCI_MANIFEST, {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: descriptorOf(config, OCI_CONFIG),
    layers: layers.map((layer) => descriptorOf(layer, OCI_LAYER)),
    ...more,
  });
}

/** An artifact without files of its own: the empty config and one empty layer. image-spec artifacts-guidance.md. */
export function artifactManifest(artifactType: string, more: Record<string, unknown> = {}): Manifest {
  return manifestOf(OCI_MANIFEST, {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    artifactType,
    config: EMPTY_DESCRIPTOR,
    layers: [EMPTY_DESCRIPTOR],
    ...more,
  });
}

export function indexOf(manifests: readonly Descriptor[], more: Record<string, unknown> = {}): Manifest {
  return manifestOf(OCI_INDEX, { schemaVersion: 2, mediaType: OCI_INDEX, manifests, ...more });
}

/** Makes otherwise equal documents differ. */
export function nonce(): string {
  return randomBytes(8).toString('hex');
}
