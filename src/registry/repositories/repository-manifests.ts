import { layout } from '../../content/index.js';
import type { ManifestKey, StoredManifest, TagRecord } from '../../index/index.js';
import {
  type Digest,
  digestOfBytes,
  hashAlgorithmOf,
  type Manifest,
  OciError,
  parseManifest,
  type RepositoryName,
  type Tag,
} from '../../oci/index.js';
import { hasLink } from './links.js';
import { manifestRecord, recordOf } from './manifest-record.js';
import { ManifestRemoval } from './manifest-removal.js';
import { checkMutable, checkReferences, type ManifestRules } from './manifest-rules.js';
import { publishManifest } from './publish-manifest.js';
import type { RepositoryStore } from './store.js';
import type { TrashEntry } from './trash-entry.js';

/** A manifest as a client sends it. `contentType` is '' when it named none; `tags` may be empty. */
export type ManifestPush = Readonly<{
  bytes: Uint8Array;
  contentType: string;
  /** What the client says that the bytes hash to. */
  digest?: Digest;
  tags: readonly Tag[];
  /** Looks at what the first tag names now, and throws if that is not what the client thinks. */
  precondition?: (current: Digest | undefined) => void;
}>;

/** `missing` is what it names, may leave out, and is not there. */
export type PushedManifest = Readonly<{ digest: Digest; manifest: Manifest; missing: readonly Digest[] }>;

/** The manifests of each repository, and the tags on them. */
export class RepositoryManifests {
  readonly #store: RepositoryStore;
  readonly #rules: ManifestRules;
  readonly #removal: ManifestRemoval;

  constructor(store: RepositoryStore, rules: ManifestRules) {
    this.#store = store;
    this.#rules = rules;
    this.#removal = new ManifestRemoval(store);
  }

  find(repository: RepositoryName, key: ManifestKey): Promise<StoredManifest | undefined> {
    const { index, sync } = this.#store;
    return sync.consult(repository, () => index.findManifest(repository, key));
  }

  /** @throws {OciError} MANIFEST_UNKNOWN. */
  async get(repository: RepositoryName, key: ManifestKey): Promise<StoredManifest> {
    const manifest = await this.find(repository, key);
    if (manifest === undefined) throw unknownManifest(repository, key);
    return manifest;
  }

  /**
   * Stores exactly the bytes given. Durable, with all tags, once this resolves.
   * @throws {OciError} MANIFEST_INVALID, DIGEST_INVALID, or MANIFEST_BLOB_UNKNOWN with every missing digest.
   */
  async put(repository: RepositoryName, push: ManifestPush): Promise<PushedManifest> {
    const { index, sync, locks, now } = this.#store;
    const { bytes, tags } = push;
    const manifest = parseManifest(bytes, push.contentType);
    const canonical = digestOfBytes('sha256', bytes);
    const digest = verified(push, canonical);
    await sync.ensure(repository);
    const missing = await locks.forPush(repository, { tags, content: canonical }, async () => {
      const [tag] = tags;
      if (push.precondition && tag)
        push.precondition(await sync.consult(repository, () => index.findTag(repository, tag)));
      const moved = await sync.consult(repository, () => this.#moved(repository, tags, digest));
      checkMutable(this.#rules, repository, moved);
      const findMissing = (digests: readonly Digest[]) =>
        sync.consult(repository, () => index.missing(repository, digests));
      const absent = await checkReferences(this.#rules, findMissing, repository, manifest);
      const stored = { digest, canonical, bytes, pushedAt: now() };
      await publishManifest(this.#store, repository, recordOf(manifest, stored), tags);
      return absent;
    });
    return { digest, manifest, missing };
  }

  /**
   * Brings back what was deleted. Tags that name something else by now stay as they are.
   * @returns the tags that name it again.
   * @throws {OciError} MANIFEST_BLOB_UNKNOWN: something that it needs is gone. @throws {ContentNotFoundError} itself is.
   */
  async restore({ repository, digest, canonical, tags }: TrashEntry): Promise<readonly Tag[]> {
    const { blobs, index, sync, locks, now } = this.#store;
    const bytes = await blobs.read(canonical);
    const record = manifestRecord({ digest, canonical, bytes, pushedAt: now() });
    if (record === undefined || digestOfBytes('sha256', bytes) !== canonical)
      throw new OciError('MANIFEST_INVALID', `the bytes of ${digest} are damaged`);
    await sync.ensure(repository);
    return locks.forPush(repository, { tags, content: canonical }, async () => {
      const named = record.references.map((reference) => reference.digest);
      const missing = await sync.consult(repository, () => index.missing(repository, named));
      if (missing.length > 0)
        throw new OciError('MANIFEST_BLOB_UNKNOWN', `${repository} no longer has ${missing.join(', ')}`);
      const taken = await this.#moved(repository, tags, digest);
      const free = tags.filter((tag) => !taken.includes(tag));
      await publishManifest(this.#store, repository, record, free);
      return free;
    });
  }

  /**
   * Removes the tag, or the manifest with every tag on it.
   * @returns the tags that are gone.
   * @throws {OciError} MANIFEST_UNKNOWN.
   */
  async delete(repository: RepositoryName, key: ManifestKey): Promise<readonly Tag[]> {
    const { index, locks } = this.#store;
    return locks.forDelete(repository, async () => {
      const manifest = (await this.find(repository, key)) ?? (await this.#findLeft(repository, key));
      if (manifest === undefined) throw unknownManifest(repository, key);
      const tags = 'tag' in key ? [key.tag] : await index.tagsOf(repository, manifest.digest);
      checkMutable(this.#rules, repository, tags);
      await this.#removal.remove(repository, [key]);
      return tags;
    });
  }

  /**
   * Removes tags, but not those that are immutable or were pushed again since they were looked at.
   * @returns which.
   */
  async expire<T extends TagRecord>(repository: RepositoryName, tags: readonly T[]): Promise<T[]> {
    const { index, locks } = this.#store;
    return locks.forDelete(repository, async () => {
      const uses = await index.tagUses(repository);
      const times = new Map(uses.map(({ tag, taggedAt }) => [tag, taggedAt.getTime()]));
      const removed = tags.filter(
        ({ tag, taggedAt }) => times.get(tag) === taggedAt.getTime() && this.isMutable(repository, tag),
      );
      await this.#removal.remove(
        repository,
        removed.map(({ tag }) => ({ tag })),
      );
      return removed;
    });
  }

  isMutable(repository: RepositoryName, tag: Tag): boolean {
    return !this.#rules.isImmutable(repository, tag);
  }

  /**
   * Removes those of these manifests that are unneeded once all pushes are through.
   * @returns which.
   */
  async removeUnneeded(
    repository: RepositoryName,
    digests: readonly Digest[],
    before: Date,
  ): Promise<Digest[]> {
    const { index, locks } = this.#store;
    return locks.forDelete(repository, async (lost) => {
      const unneeded = await index.unneededManifests(repository, digests, before);
      lost.throwIfAborted();
      await this.#removal.remove(
        repository,
        unneeded.map((digest) => ({ digest })),
      );
      return unneeded;
    });
  }

  /** Finishes deletes that a crash interrupted. @returns those given up, with the reason. */
  resumeDeletes(): ReturnType<ManifestRemoval['resume']> {
    return this.#removal.resume();
  }

  /** What a server that died while it took a push has left shows in no index, but would after the next comparison. */
  async #findLeft(repository: RepositoryName, key: ManifestKey): Promise<StoredManifest | undefined> {
    const { driver, sync } = this.#store;
    const { tagLinkPath, revisionLinkPath } = layout;
    const isThere =
      'tag' in key
        ? (await driver.stat(tagLinkPath(repository, key.tag))) !== undefined
        : await hasLink(driver, revisionLinkPath(repository, key.digest), key.digest);
    if (!isThere) return undefined;
    await sync.recheck(repository);
    return this.find(repository, key);
  }

  /** Which of the tags name something else now. */
  async #moved(repository: RepositoryName, tags: readonly Tag[], digest: Digest): Promise<Tag[]> {
    const moved: Tag[] = [];
    for (const tag of tags) {
      const current = await this.#store.index.findTag(repository, tag);
      if (current !== undefined && current !== digest) moved.push(tag);
    }
    return moved;
  }
}

function verified({ bytes, digest }: ManifestPush, canonical: Digest): Digest {
  if (digest === undefined) return canonical;
  const actual = digestOfBytes(hashAlgorithmOf(digest), bytes);
  if (actual !== digest) {
    throw new OciError('DIGEST_INVALID', `the manifest hashes to ${actual}, not to ${digest}`);
  }
  return digest;
}

function unknownManifest(repository: RepositoryName, key: ManifestKey): OciError {
  const what = 'tag' in key ? `tag ${key.tag}` : `manifest ${key.digest}`;
  return new OciError('MANIFEST_UNKNOWN', `${repository} has no ${what}`, { detail: key });
}
