import { join } from 'node:path';
import {
  type ImageEndpoint,
  ImageNotFoundError,
  OciLayout,
  type OpenContent,
  type Pushed,
  type PushOptions,
} from '../content/index.js';
import { makeDirectories } from '../linux/index.js';
import type { Descriptor, Digest, Platform } from '../oci/index.js';
import { DiskReserve } from '../sqlite/index.js';
import { Holds } from './holds.js';
import { findByKey, findByText } from './image-lookup.js';
import { ImageNames, type Removed } from './image-names.js';
import { type ImageRecord, ImageRecords } from './image-records.js';
import { LayerMemo } from './layer-memo.js';
import { Leases } from './leases.js';
import { type LocalImage, readImage } from './local-image.js';
import { bare, isManifestType } from './manifests.js';
import { Reachability } from './reachability.js';
import { StoreDatabase } from './store-database.js';
import { forgetReferrer, isReferrer, noteManifest, referrersOf } from './stored-manifests.js';
import { Sweeper, type Swept } from './sweeper.js';
import { TemporaryFiles } from './temporary-files.js';

/**
 * The images of this machine: an OCI layout with a database of names beside it. Several processes may use it at once,
 * and any of them may be killed. Its keys are whole names as formatReference writes them, and digests.
 * Reading and naming is synchronous: it takes well below a millisecond.
 */
export class LocalStore implements ImageEndpoint {
  readonly name = 'local images';
  readonly root: string;
  /** What was found out about layers. */
  readonly layers: LayerMemo;
  /** What is kept for owners that are no images. */
  readonly holds: Holds;
  readonly #layout: OciLayout;
  readonly #temporary: TemporaryFiles;
  readonly #db: StoreDatabase;
  readonly #records: ImageRecords;
  readonly #leases: Leases;
  readonly #sweeper: Sweeper;
  readonly #names: ImageNames;

  private constructor(root: string) {
    this.root = root;
    makeDirectories(root, 0o711); // to be passed through by users of containers
    const reserve = new DiskReserve(root);
    reserve.makeRoom();
    makeDirectories(join(root, 'content'), 0o700);
    makeDirectories(join(root, 'tmp'), 0o711);
    this.#temporary = new TemporaryFiles(join(root, 'tmp'));
    this.#temporary.removeAbandoned();
    this.#layout = OciLayout.create(join(root, 'content'), { temporary: () => this.#temporary.path });
    this.#db = new StoreDatabase(join(root, 'berth.sqlite'), reserve);
    this.#records = new ImageRecords(this.#db);
    this.layers = new LayerMemo(this.#db);
    this.#leases = new Leases(this.#db, this.#temporary);
    this.holds = new Holds(this.#db, this.#layout);
    const reachability = new Reachability(this.#db, this.layers, (digest) => this.#layout.read(digest));
    this.#sweeper = new Sweeper(this.#db, this.#layout, this.#leases, reachability, this.layers);
    this.#names = new ImageNames(this.#db, {
      layout: this.#layout,
      records: this.#records,
      leases: this.#leases,
      sweeper: this.#sweeper,
    });
    if (this.#db.isNew) this.#names.restore();
    reserve.keep();
  }

  /** Opens the store in a directory, which is made. */
  static open(root: string): LocalStore {
    return new LocalStore(root);
  }

  // Names

  /** The newest first. */
  images(): ImageRecord[] {
    return this.#records.all();
  }

  /**
   * What a person means: a name, a digest, or the beginning of an id, in this order.
   * @throws {AmbiguousImageError} several ids begin so.
   */
  find(text: string): ImageRecord | undefined {
    return findByText(this.#records, text);
  }

  /** @throws {ImageNotFoundError} */
  get(text: string): ImageRecord {
    const record = this.find(text);
    if (record === undefined) throw new ImageNotFoundError(text);
    return record;
  }

  /** All images that have the same id. */
  sameId(id: Digest): ImageRecord[] {
    return this.#records.byId(id);
  }

  async resolve(key: string): Promise<Descriptor> {
    const record = findByKey(this.#records, key);
    if (record === undefined) throw new ImageNotFoundError(key);
    this.#leases.take(record.descriptor.digest);
    return record.descriptor;
  }

  /** @param key the content's own digest keeps it without a name; what is about other content is kept by that. */
  async tag(descriptor: Descriptor, key: string): Promise<void> {
    if (key !== descriptor.digest) this.tagMany(descriptor, [key]);
    else if (!isReferrer(this.#db, descriptor.digest)) this.tagMany(descriptor, []);
  }

  /**
   * Gives an image names, at once. One of `repository@digest` is kept as what a registry calls it; `''` or no name at
   * all keeps it without.
   * @throws {ContentNotFoundError} it is not stored. @throws {ImageFormatError} the digest of a name is another one.
   */
  tagMany(descriptor: Descriptor, names: readonly string[]): void {
    this.#names.add(descriptor, names);
  }

  /**
   * What a registry calls an image that is here: only for whoever has just had it from there, since the digest may be
   * that of an index which the image was chosen from.
   */
  addRepoDigest(digest: Digest, repository: string, remote: Digest): void {
    this.#records.addRepoDigest(repository, remote, digest);
  }

  /** Takes a name away; the image stays, perhaps without any. @returns whether there was such a name. */
  untag(name: string): boolean {
    return this.#names.remove(name);
  }

  /** Removes an image with all its names, and the content that nothing else needs. */
  remove(record: ImageRecord): Removed {
    return this.#names.removeImage(record);
  }

  /** Forgets what a registry calls the image, as docker does when the last tag of that repository goes. */
  removeRepoDigests(digest: Digest, repository: string): void {
    this.#records.removeRepoDigests(digest, repository);
  }

  // Content

  async has({ digest, size }: Descriptor): Promise<boolean> {
    return this.hasBlob(digest, size);
  }

  /** Whether it is stored, wholly. What is found stays until this store is closed. */
  hasBlob(digest: Digest, size?: number): boolean {
    this.#leases.take(digest);
    const stored = this.#layout.sizeOf(digest);
    return stored !== undefined && (size === undefined || stored === size);
  }

  async fetch(
    { digest }: Descriptor,
    options: { offset?: number; signal?: AbortSignal } = {},
  ): Promise<AsyncIterable<Uint8Array>> {
    return this.#layout.open(digest, options);
  }

  /** Whole content, for what is small. @throws {ContentNotFoundError} */
  read(digest: Digest): Buffer {
    return this.#layout.read(digest);
  }

  /** One image of a manifest or index. @throws {ImageFormatError} */
  image(root: Descriptor, platform?: Platform): LocalImage {
    return readImage((digest) => this.#layout.read(digest), root, platform);
  }

  async push(descriptor: Descriptor, open: OpenContent, options: PushOptions = {}): Promise<Pushed> {
    if (await this.has(descriptor)) {
      this.#note(descriptor);
      return 'present';
    }
    await this.#layout.put(descriptor, await open(0), options);
    this.#note(descriptor);
    return 'sent';
  }

  /** Where content lies, or would lie. */
  blobPath(digest: Digest): string {
    return this.#layout.pathOf(digest);
  }

  sizeOf(digest: Digest): number | undefined {
    return this.#layout.sizeOf(digest);
  }

  /** Stores small content: a configuration, a manifest. */
  putBytes(bytes: Uint8Array, mediaType: string): Descriptor {
    const digest = this.#layout.digestOf(bytes);
    this.#leases.take(digest);
    this.#layout.putBytes(bytes);
    const descriptor = { mediaType, digest, size: bytes.length };
    noteManifest(this.#db, descriptor, bytes);
    return descriptor;
  }

  /** Whether {@link putBytes} would find them stored. */
  hasBytes(bytes: Uint8Array): boolean {
    return this.hasBlob(this.#layout.digestOf(bytes), bytes.length);
  }

  /** Stores content whose digest nobody knows yet. */
  async addBlob(
    source: AsyncIterable<Uint8Array>,
    options: { onBytes?: (bytes: number) => void; signal?: AbortSignal } = {},
  ): Promise<Readonly<{ digest: Digest; size: number }>> {
    return this.#layout.add(source, { ...options, beforeNamed: (digest) => this.#leases.take(digest) });
  }

  /** Takes over a finished file of {@link temporaryDirectory}, whose digest and size the caller knows for sure. */
  adoptBlob(path: string, blob: Pick<Descriptor, 'digest' | 'size'>): void {
    this.#leases.take(blob.digest);
    this.#layout.adopt(path, blob);
  }

  /** Waits until content that was adopted, by whomever, is on the disk: before it is named. */
  async settle(digests: readonly Digest[]): Promise<void> {
    await this.#layout.settle(digests);
  }

  /** For half-made files: on the same filesystem, this process's own, and gone with it. */
  temporaryDirectory(): string {
    return this.#temporary.path;
  }

  async referrers(subject: Digest): Promise<Descriptor[]> {
    return referrersOf(this.#db, subject);
  }

  /** Removes what is about other content, unless it is an image by itself, with what nothing else needs. */
  removeReferrer(digest: Digest): void {
    if (this.#records.byDigest(digest) !== undefined) return;
    const candidates = this.#sweeper.reachableFrom([digest]);
    forgetReferrer(this.#db, digest);
    this.#sweeper.sweep(candidates);
  }

  // What stays

  /** Removes content that no image, no owner and no running process needs. Images stay, named or not. */
  prune(): Swept {
    this.#leases.release();
    return this.#sweeper.sweep();
  }

  /** Removes content that was only passing through, and what it leads to, unless something else needs it. */
  discard(digests: readonly Digest[]): void {
    this.#leases.release();
    this.#sweeper.sweep(this.#sweeper.reachableFrom(digests));
  }

  async finish(): Promise<void> {}

  close(): void {
    if (!this.#db.isOpen) return;
    this.#tidy();
    this.#db.close();
  }

  /** In place of {@link close}, by a process that ends now: see {@link StoreDatabase.leave}. */
  leave(): void {
    this.#tidy();
    this.#db.leave();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #tidy(): void {
    this.#leases.close();
    this.#temporary.remove();
  }

  /** A manifest that was stored as mere bytes before is noted as one now. */
  #note(descriptor: Descriptor): void {
    if (isManifestType(descriptor.mediaType))
      noteManifest(this.#db, bare(descriptor), this.#layout.read(descriptor.digest));
  }
}
