/** The bytes are not a tar archive, or not one that a layer may be. */
export class TarError extends Error {
  override readonly name = 'TarError';
}

/** A well-formed entry asks for what must not or cannot be done, or a tree cannot be made a layer. */
export class LayerError extends Error {
  override readonly name = 'LayerError';
  readonly path: string;

  constructor(path: string, problem: string, options?: ErrorOptions) {
    super(`${JSON.stringify(path.slice(0, 500))}: ${problem}`, options);
    this.path = path;
  }
}

/** Failures of the filesystem name the entry that they are about. */
export function explained(path: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || !('syscall' in error)) throw error;
    throw new LayerError(path, `it cannot be unpacked: ${error.message}`, { cause: error });
  }
}

/** The disk would be filled. */
export class NoRoomError extends Error {
  override readonly name = 'NoRoomError';
}

/** A file is not what it was when it was listed. */
export class FileChangedError extends Error {
  override readonly name = 'FileChangedError';

  constructor(path: string, problem: string) {
    super(`${path} changed while it was read: ${problem}; try again when nothing writes to it`);
  }
}

/** Compressed bytes that are damaged, unknown, or grow beyond all measure. */
export class CompressionError extends Error {
  override readonly name = 'CompressionError';
}
