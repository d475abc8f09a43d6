import type { Digest } from '../oci/index.js';

export class ContentNotFoundError extends Error {
  override readonly name = 'ContentNotFoundError';

  constructor(digest: Digest, options?: ErrorOptions) {
    super(`no content is stored as ${digest}`, options);
  }
}

/** The bytes do not hash to what was said of them; nothing of them is kept. */
export class DigestMismatchError extends Error {
  override readonly name = 'DigestMismatchError';

  /** @param what was being done, in words, where only the caller knows. */
  constructor(expected: Digest, actual: Digest, what?: string) {
    super(`${what === undefined ? '' : `${what}: `}the content hashes to ${actual}, not to ${expected}`);
  }
}

/** More or fewer bytes than was said of them; nothing of them is kept. */
export class ContentSizeError extends Error {
  override readonly name = 'ContentSizeError';

  constructor(digest: Digest, expected: number, actual: number) {
    super(
      `${digest} should have ${expected} bytes, but ${actual > expected ? 'more' : `only ${actual}`} came`,
    );
  }
}

export class UploadNotFoundError extends Error {
  override readonly name = 'UploadNotFoundError';

  constructor(id: string, options?: ErrorOptions) {
    super(`no upload ${id} is under way`, options);
  }
}

/** The upload goes on, but not from where the client meant. */
export class UploadOffsetError extends Error {
  override readonly name = 'UploadOffsetError';
  /** Bytes received so far: where the next chunk must begin. */
  readonly offset: number;

  constructor(offset: number, given: number) {
    super(`the next chunk must begin at byte ${offset}, not at ${given}`);
    this.offset = offset;
  }
}

/** Another request is writing to the same upload. */
export class UploadBusyError extends Error {
  override readonly name = 'UploadBusyError';
  readonly offset: number;

  constructor(id: string, offset: number) {
    super(`another request is writing to upload ${id}`);
    this.offset = offset;
  }
}

/** A body that ended before it said it would. What came is kept: the client may go on from there. */
export class InterruptedBodyError extends Error {
  override readonly name = 'InterruptedBodyError';
}
