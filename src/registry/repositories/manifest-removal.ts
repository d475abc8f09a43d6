import { layout } from '../../content/index.js';
import type { ManifestKey, PendingDelete } from '../../index/index.js';
import { type Digest, digestOfBytes, type RepositoryName } from '../../oci/index.js';
import { mapSideBySide } from '../side-by-side.js';
import { manifestRecord } from './manifest-record.js';
import { publishManifest } from './publish-manifest.js';
import { scanLinks } from './scan.js';
import { type RepositoryStore, settled } from './store.js';
import { type TrashEntry, trashId } from './trash-entry.js';

/**
 * Takes manifests and tags out of files and index. A removal touches several files, so it is noted in the index before it
 * begins, and finished at the next start where a crash cut it off. What goes is put into the trash first.
 */
export class ManifestRemoval {
  readonly #store: RepositoryStore;

  constructor(store: RepositoryStore) {
    this.#store = store;
  }

  /** Tags, or manifests with every tag on them. Under a lock. */
  async remove(repository: RepositoryName, keys: readonly ManifestKey[]): Promise<void> {
    const { index, now } = this.#store;
    if (keys.length === 0) return;
    const pending = await index.beginDeletes(repository, keys, now());
    await settled(this.#store, repository, () => this.#removeFiles(repository, pending)).finally(() =>
      // Done or refused: either way it must not happen by itself at the next start.
      index.endDeletes(pending),
    );
  }

  /**
   * Finishes removals that a crash interrupted, unless somebody pushed it again since, or what names it. One that cannot be
   * finished is given up: it was never acknowledged.
   * @returns those given up, with the reason.
   */
  async resume(): Promise<{ pending: PendingDelete; error: unknown }[]> {
    const { index, locks } = this.#store;
    const failed: { pending: PendingDelete; error: unknown }[] = [];
    for (const pending of await index.pendingDeletes()) {
      // Another process may be about it: then it is done once the lock is free.
      await locks.forDelete(pending.repository, async () => {
        const left = await index.pendingDeletes();
        if (!left.some(({ id }) => id === pending.id)) return;
        await this.#finish(pending).catch((error: unknown) => failed.push({ pending, error }));
        await index.endDeletes([pending]);
      });
    }
    return failed;
  }

  async #finish(pending: PendingDelete): Promise<void> {
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
    const canonical = digestOfBytes('sha256', bytes);
    const record = manifestRecord({ digest, canonical, bytes, pushedAt: now() });
    const tags = await index.tagsOf(repository, digest);
    if (record) await locks.forLink(canonical, () => publishManifest(this.#store, repository, record, tags));
  }

  async #trashEntry({ repository, key, begunAt }: PendingDelete): Promise<TrashEntry | undefined> {
    const { index } = this.#store;
    const manifest = await index.findManifest(repository, key);
    if (manifest === undefined) return undefined;
    const { digest, bytes } = manifest;
    const canonical = digestOfBytes('sha256', bytes);
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

  async #removeFiles(repository: RepositoryName, pending: readonly PendingDelete[]): Promise<void> {
    const { driver, index, trash } = this.#store;
    if (trash?.keeps) await trash.put(await mapSideBySide(pending, (each) => this.#trashEntry(each)));
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
