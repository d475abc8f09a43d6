import { createHash } from 'node:crypto';
import { layout } from '../../content/index.js';
import type {
  ManifestKey,
  ManifestRecord,
  PendingDelete,
  StoredManifest,
  TagRecord,
  Unneeded,
} from '../../index/index.js';
import {
  type Digest,
  digestOf,
  hashAlgorithmOf,
  type Manifest,
  OciError,
  parseManifest,
  type RepositoryName,
  type Tag,
} from '../../oci/index.js';
import { mapSideBySide } from '../side-by-side.js';
import { hasLink } from './links.js';
import { manifestRecord, recordOf } from './manifest-record.js';
import { checkMutable, checkReferences, type ManifestRules } from './manifest-rules.js';
import { scanLinks } from './scan.js';
import { type RepositoryStore, settled } from './store.js';
import { type TrashEntry, trashId } from './trash-entry.js';

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

  constructor(store: RepositoryStore, rules: ManifestRules) {
    this.#store = store;
    this.#rules = rules;
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
    const canonical = hash('sha256', bytes);
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
      await this.#publish(repository, recordOf(manifest, stored), tags);
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
    if (record === undefined || hash('sha256', bytes) !== canonical)
      throw new OciError('MANIFEST_INVALID', `the bytes of ${digest} are damaged`);
    await sync.ensure(repository);
    return locks.forPush(repository, { tags, content: canonical }, async () => {
      const named = record.references.map((reference) => reference.digest);
      const missing = await sync.consult(repository, () => index.missing(repository, named));
      if (missing.length > 0)
        throw new OciError('MANIFEST_BLOB_UNKNOWN', `${repository} no longer has ${missing.join(', ')}`);
      const taken = await this.#moved(repository, tags, digest);
      const free = tags.filter((tag) => !taken.includes(tag));
      await this.#publish(repository, record, free);
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
      await this.#remove(repository, [key]);
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
      await this.#remove(
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
   * Removes manifests that are still unneeded once all pushes are through.
   * @returns which.
   */
  async removeUnneeded(repository: RepositoryName, unneeded: Unneeded): Promise<Digest[]> {
    const { index, locks } = this.#store;
    return locks.forDelete(repository, async (lost) => {
      const digests = await index.unneededManifests(repository, unneeded);
      lost.throwIfAborted();
      await this.#remove(
        repository,
        digests.map((digest) => ({ digest })),
      );
      return digests;
    });
  }

  /**
   * Finishes deletes that a crash interrupted, unless somebody pushed it again since, or what names it. One that cannot be finished is given up:
   * it was never acknowledged.
   * @returns those given up, with the reason.
   */
  async resumeDeletes(): Promise<{ pending: PendingDelete; error: unknown }[]> {
    const { index, locks } = this.#store;
    const failed: { pending: PendingDelete; error: unknown }[] = [];
    for (const pending of await index.pendingDeletes()) {
      // Another process may be about it: then it is done once the lock is free.
      await locks.forDelete(pending.repository, async () => {
        const left = await index.pendingDeletes();
        if (!left.some(({ id }) => id === pending.id)) return;
        await this.#resume(pending).catch((error: unknown) => failed.push({ pending, error }));
        await index.endDeletes([pending]);
      });
    }
    return failed;
  }

  async #resume(pending: PendingDelete): Promise<void> {
    const { index, sync } = this.#store;
    const { repository, key, begunAt } = pending;
    await sync.ensure(repository);
    if (await this.#pushedSince(pending)) return;
    // Other servers took pushes meanwhile, to which it was still there.
    if ('digest' in key && (await index.isReferencedSince(repository, key.digest, begunAt)))
      await this.#putBack(repository, key.digest);
    else await this.#removeFiles(repository, [pending]);
  }

  /** Files of what the index still has, of which some may be gone. Under a lock. */
  async #putBack(repository: RepositoryName, digest: Digest): Promise<void> {
    const { index, locks, now } = this.#store;
    const stored = await index.findManifest(repository, { digest });
    if (stored === undefined) return;
    const { bytes } = stored;
    const canonical = hash('sha256', bytes);
    const record = manifestRecord({ digest, canonical, bytes, pushedAt: now() });
    const tags = await index.tagsOf(repository, digest);
    if (record) await locks.forLink(canonical, () => this.#publish(repository, record, tags));
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

  /** Under a lock. */
  async #remove(repository: RepositoryName, keys: readonly ManifestKey[]): Promise<void> {
    const { index, now } = this.#store;
    if (keys.length === 0) return;
    const pending = await index.beginDeletes(repository, keys, now());
    await settled(this.#store, repository, () => this.#removeFiles(repository, pending)).finally(() =>
      // Done or refused: either way it must not happen by itself at the next start.
      index.endDeletes(pending),
    );
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

  /** Files, then the index: under locks of the repository and of the bytes. */
  #publish(repository: RepositoryName, manifest: ManifestRecord, tags: readonly Tag[]): Promise<void> {
    return settled(this.#store, repository, async () => {
      await this.#writeFiles(repository, manifest, tags);
      await this.#store.index.putManifest(repository, manifest, tags);
    });
  }

  async #trashEntry({ repository, key, begunAt }: PendingDelete): Promise<TrashEntry | undefined> {
    const { index } = this.#store;
    const manifest = await index.findManifest(repository, key);
    if (manifest === undefined) return undefined;
    const { digest, bytes } = manifest;
    const canonical = hash('sha256', bytes);
    const record = manifestRecord({ digest, canonical, bytes, pushedAt: begunAt });
    return {
      id: trashId({ repository, key, begunAt }),
      repository,
      deletedAt: begunAt,
      tagsOnly: 'tag' in key,
      tags: 'tag' in key ? [key.tag] : await index.tagsOf(repository, digest),
      digest,
      canonical,
      bytes: bytes.byteLength,
      references: record?.references.map((reference) => reference.digest) ?? [],
    };
  }

  async #writeFiles(
    repository: RepositoryName,
    { digest, canonical, bytes }: ManifestRecord,
    tags: readonly Tag[],
  ): Promise<void> {
    const link = Buffer.from(digest);
    const current = tags.map((tag) => ({ path: layout.tagLinkPath(repository, tag), bytes: link }));
    const content = [
      { path: layout.blobPath(canonical), bytes },
      { path: layout.revisionLinkPath(repository, digest), bytes: Buffer.from(canonical) },
      // Only the reference registry reads these, and only to remove them.
      ...tags.map((tag) => ({
        path: layout.tagHistoryLinkPath(repository, tag, digest),
        bytes: link,
        durable: false,
      })),
    ];
    // A tag that moves must not lose its old manifest before the new one is there for good. A new tag has nothing to
    // lose: whatever a crash leaves of it counts as absent.
    const moves = await Promise.all(tags.map((tag) => this.#store.index.findTag(repository, tag)));
    const isMove = moves.some((target) => target !== undefined);
    await this.#store.driver.publish(...(isMove ? [content, current] : [[...content, ...current]]));
  }

  async #removeFiles(repository: RepositoryName, pending: readonly PendingDelete[]): Promise<void> {
    const { driver, index, trash } = this.#store;
    if (trash) await trash.put(await mapSideBySide(pending, (each) => this.#trashEntry(each)));
    const keys = pending.map(({ key }) => key);
    const digests = keys.flatMap((key) => ('digest' in key ? [key.digest] : []));
    const tags = keys.flatMap((key) => ('tag' in key ? [key.tag] : []));
    const tagsOn = (await mapSideBySide(digests, (digest) => index.tagsOf(repository, digest))).flat();
    await driver.deleteAll([...new Set([...tags, ...tagsOn])].map((tag) => layout.tagPath(repository, tag)));
    await driver.deleteAll(digests.map((digest) => layout.revisionPath(repository, digest)));
    for (const tag of tags) await index.dropTag(repository, tag);
    if (digests.length > 0) await index.dropManifests(repository, digests);
    await this.#removeIfEmpty(repository);
  }

  /** Every push writes the links anew, another registry's too. */
  async #pushedSince({ repository, key, begunAt }: PendingDelete): Promise<boolean> {
    const { driver, index } = this.#store;
    const tags = 'tag' in key ? [key.tag] : await index.tagsOf(repository, key.digest);
    const links = tags.map((tag) => layout.tagLinkPath(repository, tag));
    if ('digest' in key) links.push(layout.revisionLinkPath(repository, key.digest));
    const infos = await Promise.all(links.map((path) => driver.stat(path)));
    return infos.some((info) => info !== undefined && info.modifiedAt > begunAt);
  }

  /** The reference registry lists a repository while this directory is there, even with nothing in it. */
  async #removeIfEmpty(repository: RepositoryName): Promise<void> {
    const { driver, index } = this.#store;
    if (await index.hasManifests(repository)) return;
    // The files decide: they may hold what the index could not read.
    const contents = await scanLinks(driver, repository);
    if (contents.revisions.length === 0 && contents.tags.length === 0) {
      await driver.delete(layout.manifestsPath(repository));
    }
  }
}

function verified({ bytes, digest }: ManifestPush, canonical: Digest): Digest {
  if (digest === undefined) return canonical;
  const actual = hash(hashAlgorithmOf(digest), bytes);
  if (actual !== digest) {
    throw new OciError('DIGEST_INVALID', `the manifest hashes to ${actual}, not to ${digest}`);
  }
  return digest;
}

function hash(algorithm: 'sha256' | 'sha512', bytes: Uint8Array): Digest {
  return digestOf(algorithm, createHash(algorithm).update(bytes).digest('hex'));
}

function unknownManifest(repository: RepositoryName, key: ManifestKey): OciError {
  const what = 'tag' in key ? `tag ${key.tag}` : `manifest ${key.digest}`;
  return new OciError('MANIFEST_UNKNOWN', `${repository} has no ${what}`, { detail: key });
}
