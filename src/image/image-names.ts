import { ContentNotFoundError, type OciLayout } from '../content/index.js';
import type { Descriptor, Digest } from '../oci/index.js';
import type { ImageRecord, ImageRecords } from './image-records.js';
import type { Leases } from './leases.js';
import { imageId } from './local-image.js';
import { bare } from './manifests.js';
import type { StoreDatabase } from './store-database.js';
import { namesInIndex, writeStoreIndex } from './store-index.js';
import { noteManifests } from './stored-manifests.js';
import type { Sweeper } from './sweeper.js';

export type Removed = Readonly<{
  /** Names that went, `repository@digest` included, as registries call it. */
  untagged: readonly string[];
  /** Ids of the images that went. */
  deleted: readonly Digest[];
  reclaimedBytes: number;
}>;

type Parts = Readonly<{ layout: OciLayout; records: ImageRecords; leases: Leases; sweeper: Sweeper }>;

/** Which images there are and what they are called: in the database, and in index.json beside the content. */
export class ImageNames {
  readonly #db: StoreDatabase;
  readonly #parts: Parts;

  constructor(db: StoreDatabase, parts: Parts) {
    this.#db = db;
    this.#parts = parts;
  }

  /**
   * Gives an image names, at once. One of `repository@digest` is kept as what a registry calls it; `''` or no name at
   * all keeps it without.
   * @throws {ContentNotFoundError} it is not stored. @throws {ImageFormatError} the digest of a name is another one.
   */
  add(descriptor: Descriptor, names: readonly string[]): void {
    const root = bare(descriptor);
    this.#parts.leases.take(root.digest);
    const id = imageId(this.#parts.layout, root);
    const absorbed = this.#db.transaction(() => {
      const now = Date.now();
      let isChanged = this.#parts.records.add(root, id, now);
      for (const name of names) isChanged = this.#parts.records.setName(name, root.digest, now) || isChanged;
      const others = names.length > 0 ? this.#parts.records.absorb(root.digest, id) : [];
      if (isChanged || others.length > 0) this.#writeIndex();
      return others;
    });
    if (absorbed.length > 0) this.#parts.sweeper.sweep(this.#parts.sweeper.reachableFrom(absorbed));
  }

  /** Takes a name away; the image stays, perhaps without any. @returns whether there was such a name. */
  remove(name: string): boolean {
    return this.#db.transaction(() => {
      const removed = this.#parts.records.removeName(name);
      if (removed) this.#writeIndex();
      return removed;
    });
  }

  /** Removes an image with all its names, and the content that nothing else needs. */
  removeImage({ descriptor, id, names, repoDigests }: ImageRecord): Removed {
    const candidates = this.#parts.sweeper.reachableFrom([descriptor.digest]);
    this.#db.transaction(() => {
      this.#parts.records.remove(descriptor.digest);
      this.#writeIndex();
    });
    this.#parts.leases.release();
    const { reclaimedBytes } = this.#parts.sweeper.sweep(candidates);
    const isGone = this.#parts.records.byId(id).length === 0;
    return { untagged: [...names, ...repoDigests], deleted: isGone ? [id] : [], reclaimedBytes };
  }

  /** The database was lost: index.json still has the names. */
  restore(): void {
    for (const { descriptor, name } of namesInIndex(this.#parts.layout)) {
      noteManifests(this.#db, descriptor, (digest) => this.#parts.layout.read(digest));
      try {
        this.add(descriptor, name === undefined ? [] : [name]);
      } catch (error) {
        if (!(error instanceof ContentNotFoundError)) throw error; // not whole, so not an image any more
      }
    }
  }

  #writeIndex(): void {
    writeStoreIndex(this.#parts.layout, this.#parts.records.all());
  }
}
