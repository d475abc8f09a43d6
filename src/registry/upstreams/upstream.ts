import type { ManifestKey, StoredManifest } from '../../index/index.js';
import type { Descriptor, Digest, RepositoryName, Tag } from '../../oci/index.js';

/** `bytes` are not verified, and go on by themselves after a drop; `size` is `undefined` where it does not say. */
export type UpstreamBlob = Readonly<{ size: number | undefined; bytes: AsyncIterable<Uint8Array> }>;

type Options = Readonly<{ signal?: AbortSignal }>;

/**
 * Another registry, of which a part of this one is a copy. Repositories have the names that they have there; what it does
 * not have is `undefined`. Everything throws {@link UpstreamUnavailableError}, {@link UpstreamRefusedError} or
 * {@link UpstreamContentError}.
 */
export interface Upstream {
  /** For messages: `registry-1.docker.io`. */
  readonly host: string;
  /** What a tag names now, without reading it where that is possible. */
  resolve(repository: RepositoryName, tag: Tag, options?: Options): Promise<Digest | undefined>;
  /** Verified. */
  manifest(
    repository: RepositoryName,
    key: ManifestKey,
    options?: Options,
  ): Promise<StoredManifest | undefined>;
  stat(
    repository: RepositoryName,
    digest: Digest,
    options?: Options,
  ): Promise<Pick<UpstreamBlob, 'size'> | undefined>;
  /** @param options `offset`: where the bytes begin; `size` is that of the whole blob all the same. */
  blob(
    repository: RepositoryName,
    digest: Digest,
    options?: Options & Readonly<{ offset?: number }>,
  ): Promise<UpstreamBlob | undefined>;
  /** In no order that callers may rely on. */
  tags(repository: RepositoryName, options?: Options): Promise<readonly string[] | undefined>;
  referrers(repository: RepositoryName, subject: Digest, options?: Options): Promise<readonly Descriptor[]>;
}
