/**
 * Images on this machine, and every way to move them: the local store, OCI layouts, archives, and the one copy between
 * any two places. Registries are reached through the same ImageEndpoint, which the client implements. Start with
 * local-store.ts, then copy.ts.
 */
export { type ArchivedImage, ArchiveImages, type OpenArchiveOptions } from './archive-images.js';
export { ArchiveOutput } from './archive-output.js';
export type { ArchiveWriter, ArchiveWriterOptions } from './archive-writer.js';
export { type Committed, commitImage } from './commit-image.js';
export { type CompressionOptions, compressed } from './compressed-images.js';
export { type CopyOptions, choosePlatform, copy } from './copy.js';
export { DockerArchiveWriter } from './docker-archive-writer.js';
export {
  type DockerHistoryEntry,
  type DockerImage,
  imageHistory,
  inspectImage,
  shortRepository,
} from './docker-inspect.js';
export { AmbiguousImageError, ImageFormatError } from './errors.js';
export { exportRootfs } from './export-image.js';
export { type ImageFilter, parseImageFilters, parseTime } from './image-filters.js';
export type { Removed } from './image-names.js';
export type { ImageRecord } from './image-records.js';
export { ImageRootfs } from './image-rootfs.js';
export { type ImportOptions, importImage } from './import-image.js';
export type { CompressedBlob, LayerFacts } from './layer-memo.js';
export { imageSize } from './layer-size.js';
export { LayoutDirectory } from './layout-directory.js';
export { type ListedImage, listImages } from './listed-images.js';
export { loadImages } from './load-images.js';
export type { LocalImage } from './local-image.js';
export { LocalStore } from './local-store.js';
export { isIndexType } from './manifests.js';
export type { ImageFormat, LayerCompression } from './media-type-format.js';
export { OciArchiveWriter } from './oci-archive-writer.js';
export { pruneImages } from './prune-images.js';
export { type Pulled, pullImage } from './pull-image.js';
export { namesOfRepository, pushImage } from './push-image.js';
export { readContent } from './read-content.js';
export { type RemovedPart, removeImage } from './remove-image.js';
export { type Rewriting, RewrittenImages } from './rewritten-images.js';
export { chooseImages, saveImages } from './save-images.js';
export type { Swept } from './sweeper.js';
export type { OnTransfer, TransferEvent } from './transfer-event.js';
