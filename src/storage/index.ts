/**
 * Files by path, on a disk, in memory and later in S3. Knows no digest, no repository, no HTTP.
 * Start with driver.ts, the promise that every implementation keeps.
 */
export type {
  AppendWriter,
  ByteRange,
  Entry,
  FileInfo,
  FileReader,
  NewFile,
  Publication,
  StorageDriver,
  StoragePath,
  WalkedFile,
} from './driver.js';
export { InvalidPathError, PathNotFoundError, StorageUnavailableError } from './errors.js';
export { FilesystemDriver } from './filesystem/driver.js';
export { MemoryDriver } from './memory.js';
