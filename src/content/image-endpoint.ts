import type { Descriptor, Digest } from '../oci/index.js';

/** Bytes from `offset` on. Called again to try once more. */
export type OpenContent = (offset: number) => Promise<AsyncIterable<Uint8Array>>;

export type PushOptions = Readonly<{
  /** Another repository of the same registry that has the content: it may be mounted instead of sent. */
  mountFrom?: string;
  /** Told about each piece that was accepted, in bytes; a negative number takes back what has to be sent again. */
  onBytes?: (bytes: number) => void;
  signal?: AbortSignal;
}>;

/** What {@link ImageEndpoint.push} did. */
export type Pushed = 'sent' | 'mounted' | 'present';

/**
 * Where images come from and go to: a repository of a registry, the local store, a layout directory, an archive.
 * Every transfer is image/copy.ts between two of these. Manifests, configs and layers are all content by digest.
 */
export interface ImageEndpoint extends AsyncDisposable {
  /** For messages: `reg.example/app`, `oci-archive:app.tar`. */
  readonly name: string;
  /**
   * What a tag, a digest or, where whole names are kept, a name stands for; `''` is the only image of an archive.
   * @throws {ImageNotFoundError}
   */
  resolve(key: string): Promise<Descriptor>;
  /** Whether {@link push} would be needless. */
  has(descriptor: Descriptor): Promise<boolean>;
  /** Content from `offset` on, not verified: whoever stores it does that. @throws {ContentNotFoundError} */
  fetch(
    descriptor: Descriptor,
    options?: { offset?: number; signal?: AbortSignal },
  ): Promise<AsyncIterable<Uint8Array>>;
  /**
   * Stores content, once all that it refers to is stored. Verified before anybody sees it.
   * @throws {DigestMismatchError} nothing is kept.
   */
  push(descriptor: Descriptor, open: OpenContent, options?: PushOptions): Promise<Pushed>;
  /** Gives a manifest that was pushed a name, in the form of {@link resolve}. */
  tag(descriptor: Descriptor, key: string): Promise<void>;
  /** Manifests that are about a manifest: signatures, SBOMs. None where the place does not know. */
  referrers(subject: Digest, options?: { signal?: AbortSignal }): Promise<readonly Descriptor[]>;
  /** Makes all of it visible, where that is not done bit by bit: an archive is written here. */
  finish(): Promise<void>;
}

/** A name, tag or digest that stands for nothing. */
export class ImageNotFoundError extends Error {
  override readonly name = 'ImageNotFoundError';

  constructor(image: string, options?: ErrorOptions) {
    super(`no such image: ${image}`, options);
  }
}
