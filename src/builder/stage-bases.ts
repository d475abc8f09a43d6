import type { OnTransfer } from '../image/index.js';
import { formatPlatform, type ImageConfig, matchesPlatform, type Platform } from '../oci/index.js';
import type { BaseImage, BaseImages } from './base-images.js';
import { type BuildOptions, findContext, type NamedContext } from './build-options.js';
import { BuildError } from './errors.js';
import { ImageState } from './image-state.js';
import type { Layer } from './layer.js';
import { imageMaterial, type Material } from './material.js';

/** Images that stages are from or take files from, and the contexts that take their places. */
export class StageBases {
  readonly #options: Pick<BuildOptions, 'contexts' | 'pull'>;
  readonly #images: BaseImages;
  readonly #signal: AbortSignal;
  readonly #found = new Map<string, Promise<BaseImage>>();
  readonly #materials = new Map<string, Material>();

  constructor(options: Pick<BuildOptions, 'contexts' | 'pull'>, images: BaseImages, signal: AbortSignal) {
    this.#options = options;
    this.#images = images;
    this.#signal = signal;
  }

  /** What was taken from elsewhere, in order of the addresses. */
  get materials(): readonly Material[] {
    return [...this.#materials.values()].sort((a, b) => (a.uri < b.uri ? -1 : 1));
  }

  note(material: Material): void {
    this.#materials.set(`${material.uri} ${JSON.stringify(material.digest)}`, material);
  }

  context(name: string, platform: Platform): NamedContext | undefined {
    return findContext(this.#options.contexts, name, platform);
  }

  /** Asked for several times, it is fetched once. */
  image(name: string, platform: Platform, onTransfer: OnTransfer): Promise<BaseImage> {
    const key = `${name} ${formatPlatform(platform)}`;
    let image = this.#found.get(key);
    if (image === undefined) {
      image = this.#fetch(name, platform, onTransfer);
      this.#found.set(key, image);
    }
    return image;
  }

  async #fetch(name: string, platform: Platform, onTransfer: OnTransfer): Promise<BaseImage> {
    const context = this.context(name, platform);
    const { pull } = this.#options;
    const image =
      context?.kind === 'base'
        ? await context.resolve(platform)
        : await this.#images.resolve(context?.kind === 'image' ? context.name : name, {
            platform,
            pull,
            onTransfer,
            signal: this.#signal,
          });
    this.note(imageMaterial(image, platform));
    return image;
  }
}

/** What a stage FROM an image begins with. @param layers none, where nothing will run. */
export function imageState(config: ImageConfig, layers: readonly Layer[], wanted: Platform): ImageState {
  const { os, architecture, variant } = config;
  const platform = {
    ...wanted,
    os,
    architecture: architecture || wanted.architecture,
    ...(variant !== undefined && { variant }),
  };
  const isWanted = matchesPlatform(platform, wanted);
  return ImageState.image(isWanted ? wanted : platform, config, layers);
}

/** @throws {BuildError} its manifest and its configuration tell of different numbers of layers. */
export function baseLayers({ name, layers, config }: BaseImage): Layer[] {
  const diffIDs = config.rootfs.diff_ids;
  if (diffIDs.length !== layers.length) {
    throw new BuildError(`${name} has ${layers.length} layers, but its configuration says ${diffIDs.length}`);
  }
  return layers.flatMap((descriptor, i) => {
    const diffID = diffIDs[i];
    return diffID === undefined ? [] : [{ diffID, descriptor, isBase: true }];
  });
}
