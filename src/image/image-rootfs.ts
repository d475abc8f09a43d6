import { randomBytes } from 'node:crypto';
import { createWriteStream, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { decompress, LayerIndex, RootfsView } from '../layer/index.js';
import type { Descriptor } from '../oci/index.js';
import type { LocalImage } from './local-image.js';
import type { LocalStore } from './local-store.js';
import { compressionOf } from './media-type-format.js';

/** The files of an image as one tree; compressed layers lie unpacked beside it until it is disposed of. */
export class ImageRootfs implements Disposable {
  readonly view: RootfsView;
  readonly #unpacked: readonly string[];

  private constructor(view: RootfsView, unpacked: readonly string[]) {
    this.view = view;
    this.#unpacked = unpacked;
  }

  static async open(store: LocalStore, image: LocalImage, signal?: AbortSignal): Promise<ImageRootfs> {
    const unpacked: string[] = [];
    const layers = [];
    for (const layer of image.manifest.layers) {
      const path = await plainPath(store, layer, unpacked, signal);
      layers.push({ index: await LayerIndex.scan(path), path });
    }
    return new ImageRootfs(RootfsView.of(layers), unpacked);
  }

  [Symbol.dispose](): void {
    this.view[Symbol.dispose]();
    for (const path of this.#unpacked) rmSync(path, { force: true });
  }
}

async function plainPath(
  store: LocalStore,
  layer: Descriptor,
  unpacked: string[],
  signal?: AbortSignal,
): Promise<string> {
  if (compressionOf(layer.mediaType) === 'none') return store.blobPath(layer.digest);
  const path = join(store.temporaryDirectory(), `layer-${randomBytes(8).toString('hex')}`);
  unpacked.push(path);
  const bytes = decompress(await store.fetch(layer, signal && { signal }));
  await pipeline(bytes, createWriteStream(path, { flags: 'wx' }), signal ? { signal } : {});
  return path;
}
