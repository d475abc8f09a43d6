/**
 * Layer tars and directory trees: written, read, looked into, unpacked, made from differences, compressed. Knows no
 * image, manifest or store. Start with entry.ts and layer-writer.ts; rootfs-view.ts shows a stack of layers as one
 * tree without unpacking it. run-step.ts is the seam between who needs a layer made by a command and who runs commands.
 */

export { applyLayer } from './apply-layer.js';
export type { ApplyLimits, ApplyOptions } from './apply-options.js';
export { type CompressOptions, compress } from './compress.js';
export { type Compression, detectCompression } from './compression.js';
export { type DecompressOptions, decompress } from './decompress.js';
export { diffUpper, type OverlayDirectories } from './diff-upper.js';
export {
  type Device,
  type Entry,
  type EntryType,
  joinPath,
  splitPath,
  type Whiteout,
  whiteoutOf,
} from './entry.js';
export { CompressionError, FileChangedError, LayerError, NoRoomError, TarError } from './errors.js';
export { FileWindow } from './file-window.js';
export { type IndexedEntry, LayerIndex } from './layer-index.js';
export { type FinishedLayer, LayerWriter } from './layer-writer.js';
export { compareNames, decodeName, encodeName, sortNames } from './names.js';
export type { OverlayMarks } from './overlay.js';
export { Pace } from './pace.js';
export { looksRandomFile } from './randomness.js';
export { Room } from './room.js';
export { type Destination, type Found, type LayerFile, RootfsView } from './rootfs-view.js';
export type {
  FailedContainer,
  LayerStack,
  MountOwner,
  MountSource,
  RunDevices,
  RunLayer,
  RunMount,
  RunOutcome,
  RunStep,
  Snapshots,
  StackLayer,
  StepRunner,
  Ulimit,
} from './run-step.js';
export { paddingOf } from './tar-format.js';
export { entryHeader } from './tar-header.js';
export { readTar, type TarEntry } from './tar-reader.js';
export { tarStream } from './tar-stream.js';
export { type EntryFilter, tarTree } from './tar-tree.js';
export { entryOf, fileType, namesIn } from './tree-entry.js';
export { type Change, upperChanges } from './upper-changes.js';
export { wholeTar } from './whole-tar.js';
