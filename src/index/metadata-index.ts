import type { Digest, RepositoryName, Tag } from '../oci/index.js';

/** Names a manifest by a tag, which may move, or by its content, which may not. */
export type ManifestKey = Readonly<{ tag: Tag }> | Readonly<{ digest: Digest }>;

/** Bytes that a repository may serve as `digest`; they are stored as `canonical`. `size` in bytes. */
export type BlobRecord = Readonly<{ digest: Digest; canonical: Digest; size: number; linkedAt: Date }>;

export type ManifestReference = Readonly<{ kind: 'config' | 'layer' | 'child'; digest: Digest }>;

export type ManifestRecord = Readonly<{
  digest: Digest;
  canonical: Digest;
  mediaType: string;
  artifactType: string | undefined;
  subject: Digest | undefined;
  annotations: Readonly<Record<string, string>>;
  references: readonly ManifestReference[];
  /** As received: what is served and hashed. */
  bytes: Uint8Array;
  pushedAt: Date;
}>;

/** `last` is the last of the names in `json`, if there are any; `more` tells whether any come behind it. */
export type TagList = Readonly<{ json: string; last: Tag | undefined; more: boolean }>;

export type TagRecord = Readonly<{ tag: Tag; digest: Digest; taggedAt: Date }>;

/** What it takes to answer a manifest GET. */
export type StoredManifest = Readonly<{ digest: Digest; mediaType: string; bytes: Uint8Array }>;

/** A manifest that names another as its subject. */
export type Referrer = Readonly<{
  digest: Digest;
  mediaType: string;
  size: number;
  artifactType: string | undefined;
  annotations: Readonly<Record<string, string>>;
}>;

/** All that is indexed of a repository, by name only, and the version at which that was true. */
export type RepositoryContents = Readonly<{
  version: number;
  blobs: ReadonlySet<Digest>;
  manifests: ReadonlySet<Digest>;
  tags: ReadonlyMap<Tag, Digest>;
}>;

export type RepositoryChanges = Readonly<{
  putBlobs: readonly BlobRecord[];
  dropBlobs: readonly Digest[];
  putManifests: readonly ManifestRecord[];
  dropManifests: readonly Digest[];
  putTags: readonly TagRecord[];
  dropTags: readonly Tag[];
}>;

export type Pull = Readonly<{ repository: RepositoryName; key: ManifestKey; at: Date }>;
export type PendingDelete = Readonly<{
  id: number;
  repository: RepositoryName;
  key: ManifestKey;
  begunAt: Date;
}>;
/** `bytes` counts each blob and manifest of the repository once. */
export type RepositoryUsage = Readonly<{
  repository: RepositoryName;
  bytes: number;
  manifests: number;
  tags: number;
  pushedAt: Date | undefined;
  pulledAt: Date | undefined;
}>;

/** Part of a list: at most `limit`, behind `after`. */
export type Page = Readonly<{ after?: string; limit: number }>;

/** `artifactTypes` to choose by; `[]` is all. */
export type ReferrersPage = Page & Readonly<{ maxBytes: number; artifactTypes: readonly string[] }>;

/** Names are in byte order everywhere; `after` is exclusive. Each write is one transaction. */
export interface MetadataIndex {
  /** Changes whenever everything indexed is lost while in use: then all of it must be made anew from the files. */
  readonly generation: number;
  findBlob(repository: RepositoryName, digest: Digest): Promise<BlobRecord | undefined>;
  /** Repositories that show a blob as `digest`, in byte order, at most `limit`. */
  repositoriesWithBlob(digest: Digest, limit: number): Promise<RepositoryName[]>;
  findManifest(repository: RepositoryName, key: ManifestKey): Promise<StoredManifest | undefined>;
  /** What the tag names, whether or not that manifest is there. */
  findTag(repository: RepositoryName, tag: Tag): Promise<Digest | undefined>;
  /** Which of these the repository has neither as a blob nor as a manifest; in the order given. */
  missing(repository: RepositoryName, digests: readonly Digest[]): Promise<Digest[]>;
  hasManifests(repository: RepositoryName): Promise<boolean>;
  /** Repositories with at least one manifest. */
  listRepositories(page: Page & { containing?: string }): Promise<RepositoryName[]>;
  /**
   * Tags as a JSON array, written by the database: making an object of each of ten thousand names for every answer
   * costs more than all the rest.
   */
  listTags(repository: RepositoryName, page: Page): Promise<TagList>;
  /** In byte order of the digests; ends early, but not before the first, where their descriptors exceed `maxBytes`. */
  listReferrers(repository: RepositoryName, subject: Digest, page: ReferrersPage): Promise<Referrer[]>;
  usage(): Promise<RepositoryUsage[]>;

  putBlob(repository: RepositoryName, blob: BlobRecord): Promise<void>;
  dropBlob(repository: RepositoryName, digest: Digest): Promise<void>;
  putManifest(repository: RepositoryName, manifest: ManifestRecord, tags: readonly Tag[]): Promise<void>;
  /** Drops the manifest and every tag on it. */
  dropManifest(repository: RepositoryName, digest: Digest): Promise<void>;
  tagsOf(repository: RepositoryName, digest: Digest): Promise<Tag[]>;
  dropTag(repository: RepositoryName, tag: Tag): Promise<void>;
  recordPulls(pulls: readonly Pull[]): Promise<void>;

  /** A delete that must be finished even if this process dies on the way. */
  beginDelete(repository: RepositoryName, key: ManifestKey, begunAt: Date): Promise<PendingDelete>;
  endDelete(pending: PendingDelete): Promise<void>;
  pendingDeletes(): Promise<PendingDelete[]>;

  contents(repository: RepositoryName): Promise<RepositoryContents>;
  /** @returns false, with nothing changed, when the repository is no longer at `version`. */
  applyChanges(repository: RepositoryName, changes: RepositoryChanges, version: number): Promise<boolean>;
  /** Every repository with anything indexed. */
  allRepositories(): Promise<RepositoryName[]>;

  /** @throws when the index cannot be read or written. */
  check(): Promise<void>;
  close(): Promise<void>;
}
