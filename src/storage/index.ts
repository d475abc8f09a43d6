/**
 * Files by path, on a disk, in memory and in a bucket of S3. Knows no digest, no repository, no HTTP.
 * Start with driver.ts, the promise that every implementation keeps.
 */
import type { S3Driver } from './s3/driver.js';
import type { S3Options } from './s3/options.js';

export type {
  AppendWriter,
  ByteRange,
  ByteReader,
  Entry,
  FileInfo,
  FileReader,
  GatheredFile,
  NewFile,
  Publication,
  StorageDriver,
  StoragePath,
  WalkedFile,
} from './driver.js';
export { InvalidPathError, PathNotFoundError, StorageFullError, StorageUnavailableError } from './errors.js';
export { FilesystemDriver } from './filesystem/driver.js';
export { MemoryDriver } from './memory.js';
export { rootKey } from './s3/keys.js';
export type { S3Options, S3Trace } from './s3/options.js';

/**
 * Opens a bucket. What speaks to it is large, and loaded for those who have one only.
 * @throws {StorageUnavailableError} there is no such bucket, or no answer.
 */
export async function openS3(options: S3Options): Promise<S3Driver> {
  const { S3Driver } = await import('./s3/driver.js');
  return S3Driver.open(options);
}
