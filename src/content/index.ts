/**
 * Verified bytes by digest in Distribution's storage layout, and the uploads they arrive in. Which repository
 * shows what, and HTTP, are not known here. Start with blobs.ts, then uploads.ts.
 */
export { Blobs, publicationOf } from './blobs.js';
export {
  ContentNotFoundError,
  ContentSizeError,
  DigestMismatchError,
  InterruptedBodyError,
  UploadBusyError,
  UploadNotFoundError,
  UploadOffsetError,
} from './errors.js';
export { HashPool } from './hash-pool.js';
export {
  type ImageEndpoint,
  ImageNotFoundError,
  type OpenContent,
  type Pushed,
  type PushOptions,
} from './image-endpoint.js';
export * as layout from './layout.js';
export { MAX_MANIFEST_BYTES, readManifestBytes, streamOf } from './manifest-bytes.js';
export { type LayoutOptions, OciLayout } from './oci-layout.js';
export { Quarantine } from './quarantine.js';
export type { Chunk, Upload, VerifiedUpload } from './upload.js';
export { Uploads } from './uploads.js';
