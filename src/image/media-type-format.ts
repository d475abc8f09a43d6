import { type Descriptor, MEDIA_TYPES } from '../oci/index.js';

/** Which family of media types an image is described in. */
export type ImageFormat = 'oci' | 'docker';

/** The same content by the names of both. */
const TWINS: readonly (readonly [oci: string, docker: string])[] = [
  [MEDIA_TYPES.ociManifest, MEDIA_TYPES.dockerManifest],
  [MEDIA_TYPES.ociIndex, MEDIA_TYPES.dockerManifestList],
  [MEDIA_TYPES.ociConfig, MEDIA_TYPES.dockerConfig],
  [MEDIA_TYPES.ociLayer, MEDIA_TYPES.dockerLayer],
  [MEDIA_TYPES.ociLayerGzip, MEDIA_TYPES.dockerLayerGzip],
  [MEDIA_TYPES.ociLayerZstd, MEDIA_TYPES.dockerLayerZstd],
];
const TO_OCI: ReadonlyMap<string, string> = new Map(TWINS.map(([oci, docker]) => [docker, oci]));
const TO_DOCKER: ReadonlyMap<string, string> = new Map(TWINS);

/** The descriptor with the media type of that family; what has no twin stays. */
export function inFormat(descriptor: Descriptor, format: ImageFormat): Descriptor {
  const mediaType = (format === 'oci' ? TO_OCI : TO_DOCKER).get(descriptor.mediaType);
  return mediaType === undefined ? descriptor : { ...descriptor, mediaType };
}

export type LayerCompression = 'none' | 'gzip' | 'zstd';

const COMPRESSIONS: ReadonlyMap<string, LayerCompression> = new Map([
  [MEDIA_TYPES.ociLayer, 'none'],
  [MEDIA_TYPES.dockerLayer, 'none'],
  [MEDIA_TYPES.ociLayerGzip, 'gzip'],
  [MEDIA_TYPES.dockerLayerGzip, 'gzip'],
  [MEDIA_TYPES.ociLayerZstd, 'zstd'],
  [MEDIA_TYPES.dockerLayerZstd, 'zstd'],
]);

/** How a layer is compressed; `undefined` for what is no layer of files, and for foreign layers. */
export function compressionOf(mediaType: string): LayerCompression | undefined {
  return COMPRESSIONS.get(mediaType);
}

/** The media type of a layer, in the family of another one. */
export function layerTypeLike(mediaType: string, compression: LayerCompression): string {
  const isDocker = mediaType.startsWith('application/vnd.docker.');
  const types = {
    none: [MEDIA_TYPES.ociLayer, MEDIA_TYPES.dockerLayer],
    gzip: [MEDIA_TYPES.ociLayerGzip, MEDIA_TYPES.dockerLayerGzip],
    zstd: [MEDIA_TYPES.ociLayerZstd, MEDIA_TYPES.dockerLayerZstd],
  } as const;
  return types[compression][isDocker ? 1 : 0];
}
