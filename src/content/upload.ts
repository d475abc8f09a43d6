import type { Digest, RepositoryName } from '../oci/index.js';
import type { NewFile, StoragePath } from '../storage/index.js';
import { UploadOffsetError } from './errors.js';

/** A blob being received, not yet readable. `offset` in bytes. */
export type Upload = Readonly<{ repository: RepositoryName; id: string; offset: number }>;

export type UploadKey = Pick<Upload, 'repository' | 'id'>;

/** `activeAt` is when it began or last got a byte. */
export type ListedUpload = Upload & Readonly<{ activeAt: Date }>;

/**
 * The bytes of one request, in chunks that nobody else uses. `length` where the client says it; `from` where the
 * client says they belong.
 */
export type Chunk = Readonly<{
  source: AsyncIterable<Uint8Array>;
  length?: number | undefined;
  from?: number;
}>;

/**
 * A whole blob that was verified, to be published from `path`, or as the `file` that was created for it. `size` in bytes.
 */
export type VerifiedUpload = Readonly<{ canonical: Digest; size: number }> &
  (Readonly<{ path: StoragePath }> | Readonly<{ file: NewFile }>);

/** Makes verified bytes readable, durably. */
export type Publish = (verified: VerifiedUpload) => Promise<void>;

/** How an upload ends: with these bytes, if any are still to come, and then so. */
export type Ending = Readonly<{ chunk?: Chunk | undefined; publish: Publish }>;

/** @throws {UploadOffsetError} */
export function checkOffset({ offset }: Upload, { from }: Chunk): void {
  if (from !== undefined && from !== offset) throw new UploadOffsetError(offset, from);
}
