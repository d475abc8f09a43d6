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
export type TagUse = TagRecord & Readonly<{ pulledAt: Date | undefined }>;

/** `usedAt` is when it was last pushed or pulled. */
export type ManifestUse = Readonly<{ repository: RepositoryName; digest: Digest; usedAt: Date }>;

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
  /** Paths of links that say nothing, as a crash of an older registry leaves them. */
  unreadable: ReadonlySet<string>;
  blobs: ReadonlySet<Digest>;
  manifests: ReadonlySet<Digest>;
  tags: ReadonlyMap<Tag, Digest>;
}>;

export type RepositoryChanges = Readonly<{
  /** Every link that says nothing, in place of those known before; `undefined` where they are the same. */
  unreadable: readonly string[] | undefined;
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

/**
 * What was deleted and can still be restored. Everything that it names is needed: `digest` and `references` in the
 * repository, `canonical` as bytes.
 */
export type TrashRecord = Readonly<{
  id: string;
  repository: RepositoryName;
  digest: Digest;
  canonical: Digest;
  references: readonly Digest[];
}>;

/** Something that a command asked the server for; `outcome` once it is done. */
export type Job = Readonly<{ taken: boolean; outcome: string | undefined }>;

/** How far those who share the index have compared it with the files. `distrusted` could not be compared. */
export type Comparison = Readonly<{ complete: boolean; distrusted: readonly RepositoryName[] }>;

/** A link that says nothing. */
export type UnreadableLink = Readonly<{ repository: RepositoryName; path: string }>;

/** A repository that shows content as `digest`, or has it in its trash. */
export type ContentUse = Readonly<{
  repository: RepositoryName;
  digest: Digest;
  kind: 'blob' | 'manifest';
}>;

/** How often the content `canonical` is used under one name, as one kind. */
export type UseCount = Readonly<{ canonical: Digest; count: number }> & Pick<ContentUse, 'digest' | 'kind'>;

/** Part of them: `limit` at most of the blobs behind `after` that were not touched since `before`. */
export type Unneeded = Readonly<{ before: Date; limit: number; after?: Digest | undefined }>;

/**
 * What was found in a part of a repository, and behind what the next part begins; `undefined` when there is none. There may
 * be more behind a part in which nothing was found.
 */
export type Part<Place> = Readonly<{ digests: Digest[]; next: Place | undefined }>;

/** Where a manifest is in the order of pushes. */
export type PushPlace = Readonly<{ pushedAt: Date; digest: Digest }>;

/** Those behind `after` that were pushed before `before`. */
export type Untagged = Readonly<{ before: Date; after?: PushPlace | undefined }>;

/** What commands ask of the server that has the files. Both sides know what the texts mean. */
export interface JobQueue {
  /** @returns the job's number. */
  add(task: string): Promise<number>;
  /** The oldest job that nobody took. */
  take(): Promise<{ id: number; task: string } | undefined>;
  finish(id: number, outcome: string): Promise<void>;
  /** @returns `undefined` also after the index was lost. */
  find(id: number): Promise<Job | undefined>;
  drop(id: number): Promise<void>;
  /** Unless somebody has taken it. @returns whether nobody has, and nobody will. */
  withdraw(id: number): Promise<boolean>;
  /** For a server that starts: nobody waits for what was asked of the one before. */
  dropAll(): Promise<void>;
}

/** What processes that serve one registry tell each other of comparing it with the files; one of them compares. */
export interface SharedComparison {
  get(): Promise<Comparison>;
  /** Everything is to be compared from now on. */
  begin(): Promise<void>;
  /** Nothing if what was compared is lost: if the index is no longer of that `generation`. */
  end(generation: number): Promise<void>;
  setTrusted(repository: RepositoryName, trusted: boolean): Promise<void>;
}

/**
 * Names are in byte order everywhere, digests in one that may be the index's own; `after` is exclusive. Each write is one
 * transaction.
 */
export interface MetadataIndex {
  /** Changes whenever everything indexed is lost while in use: then all of it must be made anew from the files. */
  readonly generation: number;
  readonly jobs: JobQueue;
  readonly comparison: SharedComparison;
  findBlob(repository: RepositoryName, digest: Digest): Promise<BlobRecord | undefined>;
  /** Whether a manifest of the repository names it. */
  isReferenced(repository: RepositoryName, digest: Digest): Promise<boolean>;
  /** Whether one does that was pushed at `since` or later; also as its subject. */
  isReferencedSince(repository: RepositoryName, digest: Digest, since: Date): Promise<boolean>;
  /** Repositories that show a blob as `digest` and whose names begin with `prefix`, in byte order. */
  repositoriesWithBlob(digest: Digest, page: Page & { prefix?: string }): Promise<RepositoryName[]>;
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
  /** In the order of their digests; ends early, but not before the first, where their descriptors exceed `maxBytes`. */
  listReferrers(repository: RepositoryName, subject: Digest, page: ReferrersPage): Promise<Referrer[]>;
  usage(): Promise<RepositoryUsage[]>;
  /** Of blobs that these repositories show, each counted once. */
  bytesIn(repositories: readonly RepositoryName[]): Promise<number>;
  /** Nothing is known of pulls before: the index is derived, but they are in no other place. */
  pullsKnownSince(): Promise<Date>;
  /** All tags of a repository, in byte order, with when each was pushed and pulled last. */
  tagUses(repository: RepositoryName): Promise<TagUse[]>;

  /**
   * All manifests of these repositories, or those of one digest, what was not used for longest first. What was never pulled
   * since that is known counts as used then; who pulls an index uses what it names.
   */
  manifestUses(repositories: readonly RepositoryName[], digest?: Digest): Promise<ManifestUse[]>;

  putBlob(repository: RepositoryName, blob: BlobRecord): Promise<void>;
  dropBlobs(repository: RepositoryName, digests: readonly Digest[]): Promise<void>;
  putManifest(repository: RepositoryName, manifest: ManifestRecord, tags: readonly Tag[]): Promise<void>;
  /** Drops the manifests and every tag on them. */
  dropManifests(repository: RepositoryName, digests: readonly Digest[]): Promise<void>;
  tagsOf(repository: RepositoryName, digest: Digest): Promise<Tag[]>;
  dropTag(repository: RepositoryName, tag: Tag): Promise<void>;
  recordPulls(pulls: readonly Pull[]): Promise<void>;

  /** Somebody is told that the repository has it, and may rely on that from now on. @returns false when it has not. */
  touchBlob(repository: RepositoryName, digest: Digest, at: Date): Promise<boolean>;
  /** Blobs that no manifest of the repository names, nor anything of it in the trash; in the order of their digests. */
  unneededBlobs(repository: RepositoryName, unneeded: Unneeded): Promise<Part<Digest>>;
  /**
   * Manifests without a tag of their own, in the order of their pushes: images before the list that names them, which would
   * keep them once it is in the trash.
   */
  untaggedManifests(repository: RepositoryName, untagged: Untagged): Promise<Part<PushPlace>>;
  /**
   * Which of these manifests nothing leads to: not a manifest with a tag, one pushed or pulled since `before`, or one in the
   * trash, over any number of lists, subjects and referrers; in the order given. Only what is related to them is looked at,
   * which is little, but where a subject has many referrers: all of these are related.
   */
  unneededManifests(repository: RepositoryName, digests: readonly Digest[], before: Date): Promise<Digest[]>;
  /** Which of these bytes no repository and nothing in the trash names; in the order given. */
  unlinked(canonicals: readonly Digest[]): Promise<Digest[]>;
  unreadableLinks(): Promise<UnreadableLink[]>;
  /** What leads to these bytes, in byte order of the repositories. */
  usesOf(canonical: Digest): Promise<ContentUse[]>;
  /** The same of many, counted: in no order, and nothing of what has none. */
  countUses(canonicals: readonly Digest[]): Promise<UseCount[]>;

  putTrash(trash: TrashRecord): Promise<void>;
  dropTrash(id: string): Promise<void>;
  trashIds(): Promise<Set<string>>;

  /** Deletes that must be finished even if this process dies on the way. @returns one for each key, in their order. */
  beginDeletes(
    repository: RepositoryName,
    keys: readonly ManifestKey[],
    begunAt: Date,
  ): Promise<readonly PendingDelete[]>;
  endDeletes(pending: readonly PendingDelete[]): Promise<void>;
  pendingDeletes(): Promise<PendingDelete[]>;

  contents(repository: RepositoryName): Promise<RepositoryContents>;
  /** @returns false, with nothing changed, when the repository is no longer at `version`. */
  applyChanges(repository: RepositoryName, changes: RepositoryChanges, version: number): Promise<boolean>;
  /** Of every repository that ever was indexed. */
  versions(): Promise<ReadonlyMap<RepositoryName, number>>;
  /** Every repository with anything indexed. */
  allRepositories(): Promise<RepositoryName[]>;

  /** Makes it anew when it is gone. @throws when the index cannot be read or written. */
  check(): Promise<void>;
  close(): Promise<void>;
}
