import { type Digest, findDigest } from './digest.js';
import { OciError } from './errors.js';
import { findExcess } from './json-shape.js';
import {
  isNonDistributable,
  isSchema1,
  MANIFEST_KINDS,
  type ManifestKind,
  MEDIA_TYPES,
  withoutParameters,
} from './media-types.js';
import type { Platform } from './platform.js';

/** What a manifest says about other content; `size` in bytes. image-spec descriptor.md. */
export type Descriptor = Readonly<{
  mediaType: string;
  digest: Digest;
  size: number;
  urls?: readonly string[];
  platform?: Platform;
  annotations?: Readonly<Record<string, string>>;
  artifactType?: string;
}>;

/** What a registry must know of a manifest; the bytes themselves are kept as they came. */
export type Manifest = Readonly<{
  kind: ManifestKind;
  mediaType: string;
  /** The manifest's own, else its config's media type. distribution-spec spec.md, "Listing Referrers". */
  artifactType: string | undefined;
  subject: Descriptor | undefined;
  config: Descriptor | undefined;
  layers: readonly Descriptor[];
  /** Of an index: manifests, nested indexes or, in BuildKit's old cache format, plain blobs. */
  children: readonly Descriptor[];
  annotations: Readonly<Record<string, string>>;
}>;

type Json = Readonly<Record<string, unknown>>;

/**
 * Reads as much of a manifest as a registry has to know; unknown fields and unknown types of content pass.
 * @param contentType as the client sent it, or '' when it sent none.
 * @throws {OciError} MANIFEST_INVALID: neither an image manifest nor an index, or contradicting itself.
 * @see image-spec manifest.md, image-index.md
 */
export function parseManifest(bytes: Uint8Array, contentType: string): Manifest {
  const document = parseDocument(bytes);
  const mediaType = mediaTypeOf(document, withoutParameters(contentType));
  const kind = MANIFEST_KINDS.get(mediaType);
  if (kind === undefined) throw invalid(unknownType(mediaType));
  if (document.schemaVersion !== 2) throw invalid('schemaVersion must be 2');
  refuseMixture(document, kind);
  const config = kind === 'manifest' ? descriptorAt(document.config, 'config') : undefined;
  const subject = document.subject == null ? undefined : descriptorAt(document.subject, 'subject');
  return {
    kind,
    mediaType,
    artifactType: nonEmpty(document.artifactType) ?? config?.mediaType,
    subject,
    config,
    layers: kind === 'manifest' ? descriptorsAt(document.layers, 'layers') : [],
    children: kind === 'index' ? descriptorsAt(document.manifests, 'manifests') : [],
    annotations: annotationsAt(document.annotations),
  };
}

/** The blobs a manifest cannot be used without: its config and the layers that are not elsewhere by design. */
export function requiredBlobs(manifest: Manifest): readonly Descriptor[] {
  const layers = manifest.layers.filter((layer) => !livesElsewhere(layer));
  return manifest.config === undefined ? layers : [manifest.config, ...layers];
}

function livesElsewhere(layer: Descriptor): boolean {
  return isNonDistributable(layer.mediaType) || (layer.urls?.length ?? 0) > 0;
}

function parseDocument(bytes: Uint8Array): Json {
  const excess = findExcess(bytes);
  if (excess !== undefined) throw invalid(`the manifest is no usual one: ${excess}`);
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    if (isObject(value)) return value;
  } catch (error) {
    throw invalid('the manifest is not JSON in UTF-8', error);
  }
  throw invalid('the manifest is not a JSON object');
}

function mediaTypeOf(document: Json, contentType: string): string {
  const stated = nonEmpty(document.mediaType);
  if (stated === undefined) {
    // Clients may leave out both; then the members tell which it is.
    if (MANIFEST_KINDS.has(contentType)) return contentType;
    if (contentType !== '' && !isGeneric(contentType)) return contentType;
    return Array.isArray(document.manifests) ? MEDIA_TYPES.ociIndex : MEDIA_TYPES.ociManifest;
  }
  if (contentType !== '' && !isGeneric(contentType) && stated !== contentType) {
    throw invalid(`the manifest's mediaType is ${stated}, but its Content-Type is ${contentType}`);
  }
  return stated;
}

function isGeneric(contentType: string): boolean {
  return contentType === 'application/json' || contentType === 'application/octet-stream';
}

function refuseMixture(document: Json, kind: ManifestKind): void {
  const foreign = kind === 'manifest' ? ['manifests'] : ['config', 'layers'];
  for (const member of foreign) {
    if (document[member] !== undefined) throw invalid(`an image ${kind} must not have "${member}"`);
  }
}

function descriptorsAt(value: unknown, where: string): Descriptor[] {
  if (!Array.isArray(value)) throw invalid(`${where} must be a list of descriptors`);
  return value.map((entry, i) => descriptorAt(entry, `${where}[${i}]`));
}

function descriptorAt(value: unknown, where: string): Descriptor {
  if (!isObject(value)) throw invalid(`${where} must be a descriptor`);
  const { mediaType, size, urls, platform, annotations, artifactType } = value;
  const digest = typeof value.digest === 'string' ? findDigest(value.digest) : undefined;
  if (typeof mediaType !== 'string') throw invalid(`${where}.mediaType must be a string`);
  if (digest === undefined) throw invalid(`${where}.digest must be a digest`);
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw invalid(`${where}.size must be a number of bytes`);
  }
  return {
    mediaType,
    digest,
    size,
    ...(Array.isArray(urls) ? { urls: urls.filter((url) => typeof url === 'string') } : {}),
    ...(isPlatform(platform) ? { platform } : {}),
    ...(isObject(annotations) ? { annotations: annotations as Record<string, string> } : {}),
    ...(typeof artifactType === 'string' ? { artifactType } : {}),
  };
}

function annotationsAt(value: unknown): Record<string, string> {
  if (value == null) return {};
  if (!isObject(value)) throw invalid('annotations must be a map of strings');
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== 'string') throw invalid(`annotation ${JSON.stringify(key)} must be a string`);
  }
  return value as Record<string, string>;
}

function unknownType(mediaType: string): string {
  return isSchema1(mediaType)
    ? 'image manifest schema 1 is no longer supported: push with a current client'
    : `unknown manifest type ${JSON.stringify(mediaType)}; use ${MEDIA_TYPES.ociManifest} or ${MEDIA_TYPES.ociIndex}`;
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isPlatform(value: unknown): value is Platform {
  return isObject(value) && typeof value.os === 'string' && typeof value.architecture === 'string';
}

function nonEmpty(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function invalid(message: string, cause?: unknown): OciError {
  return new OciError('MANIFEST_INVALID', message, { cause });
}
