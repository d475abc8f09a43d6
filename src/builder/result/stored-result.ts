import type { LocalStore } from '../../image/index.js';
import {
  type Descriptor,
  formatPlatform,
  type ImageConfig,
  MEDIA_TYPES,
  type Platform,
} from '../../oci/index.js';
import type { Layer } from '../layer.js';
import type { Material } from '../material.js';

/** An image that is built, for one platform, its layers in the local store. */
export type BuiltImage = Readonly<{
  platform: Platform;
  config: ImageConfig;
  layers: readonly Layer[];
  /** What it was made of, beside the context. */
  materials: readonly Material[];
}>;

export type ResultOptions = Readonly<{
  mediaTypes: 'oci' | 'docker';
  annotations: readonly Annotation[];
  /** Even a single platform becomes an index. */
  alwaysIndex: boolean;
}>;

/** What an annotation is put on. image-spec annotations.md. */
export const ANNOTATION_PLACES = ['manifest', 'index', 'manifest-descriptor', 'index-descriptor'] as const;
export type Annotation = Readonly<{
  place: (typeof ANNOTATION_PLACES)[number];
  /** As formatPlatform writes it: only for this one. */
  platform?: string;
  name: string;
  value: string;
}>;

export type StoredImage = Readonly<{ platform: Platform; manifest: Descriptor; config: Descriptor }>;
/** `root` is the manifest, or the index of several; its annotations are for whoever lists it. */
export type StoredResult = Readonly<{ root: Descriptor; images: readonly StoredImage[] }>;

const DOCKER_LAYERS: Readonly<Record<string, string>> = {
  [MEDIA_TYPES.ociLayer]: MEDIA_TYPES.dockerLayer,
  [MEDIA_TYPES.ociLayerGzip]: MEDIA_TYPES.dockerLayerGzip,
  [MEDIA_TYPES.ociLayerZstd]: MEDIA_TYPES.dockerLayerZstd,
};
const OCI_LAYERS = Object.fromEntries(Object.entries(DOCKER_LAYERS).map(([oci, docker]) => [docker, oci]));

/** Writes configurations, manifests and, for several platforms, an index. Nothing of it has a name yet; all is on the disk. */
export async function storeResult(
  store: LocalStore,
  images: readonly BuiltImage[],
  options: ResultOptions,
): Promise<StoredResult> {
  const stored = await Promise.all(images.map((image) => storeImage(store, image, options)));
  const [only] = stored;
  if (only !== undefined && stored.length === 1 && !options.alwaysIndex) {
    const root = { ...only.manifest, ...annotationsOn('manifest-descriptor', options, only.platform) };
    return { root, images: stored };
  }
  const root = { ...storeIndex(store, stored, options), ...annotationsOn('index-descriptor', options) };
  return { root, images: stored };
}

async function storeImage(
  store: LocalStore,
  { platform, config, layers }: BuiltImage,
  options: ResultOptions,
): Promise<StoredImage> {
  const isOci = options.mediaTypes === 'oci';
  const configType = isOci ? MEDIA_TYPES.ociConfig : MEDIA_TYPES.dockerConfig;
  const configDescriptor = store.putBytes(Buffer.from(JSON.stringify(config)), configType);
  const mediaType = isOci ? MEDIA_TYPES.ociManifest : MEDIA_TYPES.dockerManifest;
  const manifest = {
    schemaVersion: 2,
    mediaType,
    config: bare(configDescriptor),
    layers: layers.map(({ descriptor }) => layerDescriptor(descriptor, options.mediaTypes)),
    ...annotationsOn('manifest', options, platform),
  };
  const bytes = Buffer.from(JSON.stringify(manifest));
  if (!store.hasBytes(bytes)) await store.settle(manifest.layers.map(({ digest }) => digest));
  const descriptor = store.putBytes(bytes, mediaType);
  return { platform, manifest: descriptor, config: configDescriptor };
}

function storeIndex(store: LocalStore, images: readonly StoredImage[], options: ResultOptions): Descriptor {
  const mediaType = options.mediaTypes === 'oci' ? MEDIA_TYPES.ociIndex : MEDIA_TYPES.dockerManifestList;
  const manifests = images.map(({ platform, manifest }) => ({
    ...bare(manifest),
    ...annotationsOn('manifest-descriptor', options, platform),
    platform,
  }));
  const index = { schemaVersion: 2, mediaType, manifests, ...annotationsOn('index', options) };
  return store.putBytes(Buffer.from(JSON.stringify(index)), mediaType);
}

/** Base layers keep their bytes; only the name of their type follows the manifest's family. */
function layerDescriptor(
  { mediaType, digest, size, urls, annotations }: Descriptor,
  family: 'oci' | 'docker',
): Descriptor {
  const names = family === 'oci' ? OCI_LAYERS : DOCKER_LAYERS;
  return {
    mediaType: names[mediaType] ?? mediaType,
    digest,
    size,
    ...(urls && { urls }),
    ...(annotations && { annotations }),
  };
}

function bare({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size };
}

/** A member `annotations`, or none. */
function annotationsOn(
  place: Annotation['place'],
  { annotations }: Pick<ResultOptions, 'annotations'>,
  platform?: Platform,
): { annotations?: Record<string, string> } {
  const wanted = annotations.filter(
    (one) =>
      one.place === place &&
      (one.platform === undefined || (platform !== undefined && one.platform === formatPlatform(platform))),
  );
  if (wanted.length === 0) return {};
  return { annotations: Object.fromEntries(wanted.map(({ name, value }) => [name, value])) };
}
