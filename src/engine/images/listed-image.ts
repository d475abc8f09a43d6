import { imageSize, type ListedImage, type LocalStore } from '../../image/index.js';
import { parseReference, shortReference } from '../../oci/index.js';

/** Since then, an image without a name has empty lists rather than `<none>:<none>`. */
const EMPTY_LISTS_SINCE = 43;
/** Since then, sizes are told once. */
const NO_VIRTUAL_SIZE_SINCE = 44;

type ShownOptions = Readonly<{
  version: number;
  /** Of the image, those that were asked for. */
  names: readonly string[];
  /** Bytes of layers that other images have too; -1 when that was not looked for. */
  sharedSize: number;
  containers: number;
}>;

/** As lists of images show one. */
export function listedImageJson(
  store: LocalStore,
  { record, image, createdAt }: ListedImage,
  { version, names, sharedSize, containers }: ShownOptions,
) {
  const size = image === undefined ? record.descriptor.size : imageSize(store, image.manifest.layers);
  const tags = names.map(short);
  const digests = record.repoDigests.map(short);
  const isOld = version < EMPTY_LISTS_SINCE;
  return {
    Containers: containers,
    Created: Math.floor(createdAt / 1000),
    Id: record.id,
    Labels: image?.config.config?.Labels ?? null,
    ParentId: '',
    RepoDigests: isOld && digests.length === 0 ? ['<none>@<none>'] : digests,
    RepoTags: isOld && tags.length === 0 ? ['<none>:<none>'] : tags,
    SharedSize: sharedSize,
    Size: size,
    ...(version < NO_VIRTUAL_SIZE_SINCE && { VirtualSize: size }),
  };
}

function short(name: string): string {
  return shortReference(parseReference(name));
}

/** Sizes of layers, each counted once. */
export class LayerSizes {
  readonly #store: LocalStore;
  /** How many images have a layer. */
  readonly #users = new Map<string, number>();
  readonly total: number;

  constructor(store: LocalStore, images: readonly ListedImage[]) {
    this.#store = store;
    let total = 0;
    for (const { image } of images) {
      for (const layer of image?.manifest.layers ?? []) {
        const users = this.#users.get(layer.digest) ?? 0;
        if (users === 0) total += imageSize(store, [layer]);
        this.#users.set(layer.digest, users + 1);
      }
    }
    this.total = total;
  }

  shared({ image }: ListedImage): number {
    const layers = (image?.manifest.layers ?? []).filter(({ digest }) => (this.#users.get(digest) ?? 0) > 1);
    return imageSize(this.#store, layers);
  }
}
