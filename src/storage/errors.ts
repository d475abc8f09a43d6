import type { StoragePath } from './driver.js';

export class PathNotFoundError extends Error {
  override readonly name = 'PathNotFoundError';
  readonly path: StoragePath;

  constructor(path: StoragePath, options?: ErrorOptions) {
    super(`nothing is stored at ${path}`, options);
    this.path = path;
  }
}

export class InvalidPathError extends Error {
  override readonly name = 'InvalidPathError';

  constructor(path: StoragePath) {
    super(`not a storage path: ${JSON.stringify(path)}`);
  }
}

/** The store cannot take bytes now: it is full, read-only or not permitted. What is stored stays readable. */
export class StorageUnavailableError extends Error {
  override readonly name: string = 'StorageUnavailableError';
}

/** It has no room left. */
export class StorageFullError extends StorageUnavailableError {
  override readonly name = 'StorageFullError';
}
