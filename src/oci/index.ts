/**
 * Values of the OCI specifications: digests, names, manifests, error codes. Pure: no input or output, and no
 * imports from other folders. Start with digest.ts.
 */
export {
  algorithmOf,
  type Digest,
  digestOf,
  digestOfBytes,
  encodedOf,
  findDigest,
  type HashAlgorithm,
  hashAlgorithmOf,
  isHashAlgorithm,
  parseDigest,
} from './digest.js';
export { type ErrorCode, OciError } from './errors.js';
export {
  type ContainerConfig,
  chainIDs,
  type Healthcheck,
  type HistoryEntry,
  type ImageConfig,
  parseImageConfig,
} from './image-config.js';
export { type Descriptor, type Manifest, parseManifest, requiredBlobs } from './manifest.js';
export { MANIFEST_KINDS, MEDIA_TYPES } from './media-types.js';
export {
  findRepositoryName,
  findTag,
  parseRepositoryName,
  parseTag,
  type RepositoryName,
  type Tag,
} from './name.js';
export { formatPackageUrl, imageUrl, type PackageUrl } from './package-url.js';
export { formatPlatform, hostPlatform, matchesPlatform, type Platform, parsePlatform } from './platform.js';
export {
  formatReference,
  isNameOnly,
  keyText,
  type ManifestKey,
  parseReference,
  type Reference,
  shortName,
  shortReference,
} from './reference.js';
export { parseSignal, READER_GONE } from './signals.js';
