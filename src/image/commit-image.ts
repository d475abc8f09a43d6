import {
  type ContainerConfig,
  type Descriptor,
  type Digest,
  type ImageConfig,
  MEDIA_TYPES,
} from '../oci/index.js';
import type { LocalImage } from './local-image.js';
import type { LocalStore } from './local-store.js';
import { inFormat } from './media-type-format.js';

export type Committed = Readonly<{
  config: ContainerConfig;
  /** RFC 3339. */
  created: string;
  createdBy: string;
  author: string;
  comment: string;
  /** Uncompressed, and stored; none where nothing was changed. */
  layer: Readonly<{ digest: Digest; size: number }> | undefined;
}>;

/** Makes an image of another one and what was changed of it. It has no name yet. */
export function commitImage(store: LocalStore, base: LocalImage, committed: Committed): Descriptor {
  const { config, created, createdBy, author, comment, layer } = committed;
  const { config: before, manifest } = base;
  const { architecture, os, variant, 'os.version': osVersion, 'os.features': features } = before;
  const image: ImageConfig = {
    created,
    ...(author !== '' && { author }),
    architecture,
    os,
    ...(variant !== undefined && { variant }),
    ...(osVersion !== undefined && { 'os.version': osVersion }),
    ...(features !== undefined && { 'os.features': features }),
    config,
    rootfs: { type: 'layers', diff_ids: [...before.rootfs.diff_ids, ...(layer ? [layer.digest] : [])] },
    history: [
      ...(before.history ?? []),
      {
        created,
        created_by: createdBy,
        ...(author !== '' && { author }),
        ...(comment !== '' && { comment }),
        ...(!layer && { empty_layer: true }),
      },
    ],
  };
  const format = manifest.mediaType === MEDIA_TYPES.dockerManifest ? 'docker' : 'oci';
  const added = layer ? [inFormat({ mediaType: MEDIA_TYPES.ociLayer, ...layer }, format)] : [];
  const { mediaType: configType } = inFormat(typed(MEDIA_TYPES.ociConfig, base), format);
  const { mediaType } = inFormat(typed(MEDIA_TYPES.ociManifest, base), format);
  const document = {
    schemaVersion: 2,
    mediaType,
    config: store.putBytes(Buffer.from(JSON.stringify(image)), configType),
    layers: [...manifest.layers, ...added],
  };
  return store.putBytes(Buffer.from(JSON.stringify(document)), mediaType);
}

function typed(mediaType: string, { descriptor }: LocalImage): Descriptor {
  return { ...descriptor, mediaType };
}
