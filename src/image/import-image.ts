import { decompress, wholeTar } from '../layer/index.js';
import {
  type ContainerConfig,
  type Descriptor,
  type ImageConfig,
  MEDIA_TYPES,
  type Platform,
} from '../oci/index.js';
import type { LocalStore } from './local-store.js';

export type ImportOptions = Readonly<{
  platform: Platform;
  config: ContainerConfig;
  /** RFC 3339. */
  created: string;
  comment?: string;
  onBytes?: (bytes: number) => void;
  signal?: AbortSignal;
}>;

/**
 * Makes an image of one layer out of a tar of a root filesystem, compressed or not. It has no name yet.
 * @throws {TarError} it is no tar.
 */
export async function importImage(
  store: LocalStore,
  source: AsyncIterable<Uint8Array>,
  { platform, config, created, comment = '', onBytes, signal }: ImportOptions,
): Promise<Descriptor> {
  const tar = wholeTar(decompress(source, signal && { signal }));
  const layer = await store.addBlob(tar, { ...(onBytes && { onBytes }), ...(signal && { signal }) });
  const image: ImageConfig = {
    created,
    ...platform,
    config,
    rootfs: { type: 'layers', diff_ids: [layer.digest] },
    history: [{ created, comment }],
  };
  const configDescriptor = store.putBytes(Buffer.from(JSON.stringify(image)), MEDIA_TYPES.ociConfig);
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociManifest,
    config: configDescriptor,
    layers: [{ mediaType: MEDIA_TYPES.ociLayer, ...layer }],
  };
  return store.putBytes(Buffer.from(JSON.stringify(manifest)), MEDIA_TYPES.ociManifest);
}
