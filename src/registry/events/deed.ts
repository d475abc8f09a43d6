import type { Digest, RepositoryName, Tag } from '../../oci/index.js';

/** A manifest, by its content and, where it was asked for or pushed by one, its tag. */
type ManifestDeed = Readonly<{
  action: 'pull' | 'push';
  kind: 'manifest';
  digest: Digest;
  mediaType: string;
  bytes: Uint8Array;
  tag?: Tag | undefined;
}>;

/** Something that was done to a repository: what events tell, and what the audit log keeps. Sizes in bytes. */
export type Deed = Readonly<{ repository: RepositoryName }> &
  (
    | ManifestDeed
    | Readonly<{ action: 'pull' | 'push'; kind: 'blob'; digest: Digest; size: number }>
    | Readonly<{ action: 'mount'; kind: 'blob'; digest: Digest; size: number; from: RepositoryName }>
    | Readonly<{ action: 'delete'; kind: 'manifest' | 'blob'; digest: Digest }>
    | Readonly<{ action: 'delete'; kind: 'tag'; tag: Tag }>
  );
