import { RuntimeError } from '../errors.js';

/** No volume is called so. */
export class VolumeNotFoundError extends RuntimeError {
  override readonly name = 'VolumeNotFoundError';

  constructor(volume: string) {
    super(`get ${volume}: no such volume`);
  }
}

/** A volume is in use, or cannot be made because of what is there. */
export class VolumeConflictError extends RuntimeError {
  override readonly name = 'VolumeConflictError';
}

/** What a volume is asked to be makes no sense. */
export class InvalidVolumeError extends RuntimeError {
  override readonly name = 'InvalidVolumeError';
}

/** What is to be mounted in a container makes no sense, or is not there. */
export class InvalidMountError extends RuntimeError {
  override readonly name = 'InvalidMountError';
}
