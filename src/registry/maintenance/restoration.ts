import type { Digest, RepositoryName, Tag } from '../../oci/index.js';
import type { RepositoryManifests, RepositoryStore, TrashEntry } from '../repositories/index.js';

/** What came back, with the tags that name it again. */
export type Restored = Readonly<{ repository: RepositoryName; digest: Digest; tags: readonly Tag[] }>;

/** Brings things back from the trash, each with what it cannot do without and is in the trash itself: images of a list. */
export class Restoration {
  readonly #store: RepositoryStore;
  readonly #manifests: RepositoryManifests;
  readonly #onRestored: (restored: Restored) => Promise<void>;
  /** Manifests in the trash, by repository and digest; read once something is missing. */
  #entries: ReadonlyMap<string, TrashEntry> | undefined;

  /** @param onRestored is told of each, what others need first. */
  constructor(
    store: RepositoryStore,
    manifests: RepositoryManifests,
    onRestored: (restored: Restored) => Promise<void>,
  ) {
    this.#store = store;
    this.#manifests = manifests;
    this.#onRestored = onRestored;
  }

  /** @throws {Error} there is no such entry. @throws {OciError} MANIFEST_BLOB_UNKNOWN: what it needs is nowhere. */
  async restore(id: string): Promise<Restored> {
    const entry = await this.#store.trash?.find(id);
    if (entry === undefined) throw new Error(`there is nothing in the trash by the name of ${id}`);
    return this.#bringBack(entry);
  }

  async #bringBack(entry: TrashEntry, asked = entry.tags): Promise<Restored> {
    const { repository, digest, id } = entry;
    // Tags of a part were deleted for themselves: its entry stays in the trash for them.
    for (const part of await this.#partsOf(entry)) await this.#bringBack(part, []);
    const tags = await this.#manifests.restore({ ...entry, tags: asked });
    if (asked.length === entry.tags.length) await this.#store.trash?.remove(id);
    const restored = { repository, digest, tags };
    await this.#onRestored(restored);
    return restored;
  }

  /** Nothing where something else is missing, too: then it cannot be restored anyway. */
  async #partsOf({ repository, references }: TrashEntry): Promise<readonly TrashEntry[]> {
    const missing = await this.#store.index.missing(repository, references);
    if (missing.length === 0) return [];
    this.#entries ??= await this.#readTrash();
    const parts = missing.map((digest) => this.#entries?.get(`${repository}@${digest}`));
    const found = parts.filter((part) => part !== undefined);
    return found.length === parts.length ? found : [];
  }

  async #readTrash(): Promise<ReadonlyMap<string, TrashEntry>> {
    const entries = await Array.fromAsync(this.#store.trash?.list() ?? []);
    return new Map(
      entries
        .filter(({ tagsOnly }) => !tagsOnly)
        .map((entry) => [`${entry.repository}@${entry.digest}`, entry]),
    );
  }
}
