import { createHash, randomBytes } from 'node:crypto';
import {
  createWriteStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { LocalStore } from '../image/index.js';
import type { LayerStack } from '../layer/index.js';
import {
  decompress,
  type FinishedLayer,
  type LayerFile,
  LayerIndex,
  LayerWriter,
  RootfsView,
} from '../layer/index.js';
import { chainIDs, type Digest, digestOf, encodedOf, findDigest } from '../oci/index.js';
import type { StepCache } from './cache/step-cache.js';
import { BuildError } from './errors.js';
import type { Layer } from './layer.js';

type Parts = Readonly<{ store: LocalStore; cache: StepCache; directory: string }>;

/** Removes the indexes of layers that are not stored any more. @param directory of {@link Layers}. */
export function removeLostIndexes(directory: string, isStored: (diffID: Digest) => boolean): void {
  for (const name of existsSync(directory) ? readdirSync(directory) : []) {
    const diffID = findDigest(`sha256:${name}`);
    if (diffID === undefined || !isStored(diffID)) rmSync(join(directory, name), { force: true });
  }
}

/** The bytes of layers: as tars for looking into, as streams for unpacking, and new ones into the store. */
export class Layers {
  readonly #store: LocalStore;
  readonly #cache: StepCache;
  readonly #indexes: string;
  readonly #views = new Map<string, Promise<RootfsView>>();
  readonly #tars = new Map<Digest, Promise<string>>();

  /** @param parts `directory`: where indexes of layers are kept. */
  constructor({ store, cache, directory }: Parts) {
    this.#store = store;
    this.#cache = cache;
    this.#indexes = directory;
  }

  /** The tree that a stack makes. Stacks share what they have in common. */
  view(layers: readonly Layer[]): Promise<RootfsView> {
    const chains = ['', ...chainIDs(layers.map(({ diffID }) => diffID))];
    const chain = chains.at(-1) ?? '';
    let view = this.#views.get(chain);
    if (view === undefined) {
      view = this.#makeView(layers);
      this.#views.set(chain, view);
    }
    return view;
  }

  /** For whoever unpacks. */
  stack(layers: readonly Layer[]): LayerStack {
    return layers.map((layer) => {
      const path = this.#store.blobPath(layer.diffID);
      const isTar = this.#store.hasBlob(layer.diffID);
      return { diffID: layer.diffID, open: () => this.open(layer), ...(isTar && { path }) };
    });
  }

  /** A layer that a build made here before, if it is here still. */
  find(diffID: Digest): LayerFile | undefined {
    const index = this.#store.hasBlob(diffID) ? this.#readIndex(diffID) : undefined;
    return index && { path: this.#store.blobPath(diffID), index };
  }

  /** The uncompressed tar of a layer. */
  async *open(layer: Layer): AsyncGenerator<Uint8Array> {
    const isTar = this.#store.hasBlob(layer.diffID);
    const descriptor = isTar ? { ...layer.descriptor, digest: layer.diffID } : layer.descriptor;
    const source = await this.#store.fetch(descriptor);
    yield* isTar ? source : decompress(source);
  }

  /** A new tar in a place of this process, to be handed to {@link keep}. */
  createWriter(): LayerWriter {
    return LayerWriter.create(this.temporaryPath());
  }

  temporaryPath(): string {
    return join(this.#store.temporaryDirectory(), `layer-${randomBytes(6).toString('hex')}`);
  }

  /** Takes a finished tar into the store. */
  keep(
    path: string,
    { diffID, size, index }: Readonly<{ diffID: Digest; size: number }> & Partial<FinishedLayer>,
  ): void {
    this.#store.adoptBlob(path, { digest: diffID, size });
    if (index !== undefined) this.#saveIndex(diffID, index);
  }

  /** Brings a layer from elsewhere into the store, as a tar. @returns its bytes. @throws {BuildError} it is another one. */
  async fetch(layer: Layer, open: () => Promise<AsyncIterable<Uint8Array>>): Promise<number> {
    const present = this.#store.hasBlob(layer.diffID) ? this.#store.sizeOf(layer.diffID) : undefined;
    if (present !== undefined) return present;
    const path = this.temporaryPath();
    try {
      const size = await this.#write(layer, decompress(await open()), path);
      this.#store.adoptBlob(path, { digest: layer.diffID, size });
      return size;
    } finally {
      rmSync(path, { force: true });
    }
  }

  async close(): Promise<void> {
    for (const view of this.#views.values()) {
      try {
        (await view)[Symbol.dispose]();
      } catch {
        // whoever asked for it has been told
      }
    }
    this.#views.clear();
  }

  async #makeView(layers: readonly Layer[]): Promise<RootfsView> {
    const last = layers.at(-1);
    if (last === undefined) return RootfsView.of([]);
    const below = await this.view(layers.slice(0, -1));
    return below.extend(await this.#file(last));
  }

  async #file(layer: Layer): Promise<LayerFile> {
    const path = await this.#tar(layer);
    return { path, index: await this.#index(layer.diffID, path) };
  }

  #tar(layer: Layer): Promise<string> {
    let path = this.#tars.get(layer.diffID);
    if (path === undefined) {
      path = this.#makeTar(layer);
      this.#tars.set(layer.diffID, path);
    }
    return path;
  }

  /** Layers of base images are compressed mostly: their tars are kept as if the build had made them. */
  async #makeTar(layer: Layer): Promise<string> {
    if (!this.#store.hasBlob(layer.diffID)) {
      const path = this.temporaryPath();
      try {
        const size = await this.#write(layer, this.open(layer), path);
        this.#store.adoptBlob(path, { digest: layer.diffID, size });
        this.#cache.putBaseLayer(layer.diffID, size);
      } finally {
        rmSync(path, { force: true });
      }
    }
    return this.#store.blobPath(layer.diffID);
  }

  /** @returns how many bytes. @throws {BuildError} it is not the layer. */
  async #write(layer: Layer, source: AsyncIterable<Uint8Array>, path: string): Promise<number> {
    const hash = createHash('sha256');
    let size = 0;
    const measured = async function* (source: AsyncIterable<Uint8Array>) {
      for await (const chunk of source) {
        hash.update(chunk);
        size += chunk.byteLength;
        yield chunk;
      }
    };
    await pipeline(source, measured, createWriteStream(path, { flags: 'wx', mode: 0o600 }));
    const digest = digestOf('sha256', hash.digest('hex'));
    if (digest === layer.diffID) return size;
    throw new BuildError(
      `layer ${layer.descriptor.digest} unpacks to ${digest}, but its image says ${layer.diffID}`,
    );
  }

  async #index(diffID: Digest, tar: string): Promise<LayerIndex> {
    const known = this.#readIndex(diffID);
    if (known !== undefined) return known;
    const index = await LayerIndex.scan(tar);
    this.#saveIndex(diffID, index);
    return index;
  }

  #readIndex(diffID: Digest): LayerIndex | undefined {
    try {
      return LayerIndex.fromBytes(readFileSync(this.#indexPath(diffID)));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  #saveIndex(diffID: Digest, index: LayerIndex): void {
    mkdirSync(this.#indexes, { recursive: true, mode: 0o700 });
    const path = this.#indexPath(diffID);
    const partial = this.temporaryPath(); // gone with this process, if it is killed now
    writeFileSync(partial, index.toBytes(), { mode: 0o600 });
    renameSync(partial, path);
  }

  #indexPath(diffID: Digest): string {
    return join(this.#indexes, encodedOf(diffID));
  }
}
