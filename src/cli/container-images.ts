import { ImageNotFoundError } from '../content/index.js';
import { ImageFormatError, imageSize, type LocalImage, type LocalStore } from '../image/index.js';
import { decompress } from '../layer/index.js';
import { type Descriptor, formatPlatform, matchesPlatform, type Platform } from '../oci/index.js';
import type { ContainerImage, ContainerImages } from '../runtime/container/index.js';

/** The images of this machine, for containers. */
export function containerImages(store: LocalStore): ContainerImages {
  return {
    get(text, platform) {
      const { id, descriptor } = store.get(text);
      const image = platform ? imageFor(platform, store, { text, descriptor }) : store.image(descriptor);
      return { ...containerImage(store, image), id };
    },
    open: (manifest) => containerImage(store, store.image(manifest)),
    sizeOf: (manifest) => imageSize(store, store.image(manifest).manifest.layers),
    hold: (containerId, { digest }) => store.holds.add(ownerOf(containerId), [digest]),
    release: (containerId) => store.holds.remove(ownerOf(containerId)),
  };
}

/** An image that says nothing of itself may be for any. @throws {ImageNotFoundError} */
function imageFor(
  platform: Platform,
  store: LocalStore,
  { text, descriptor }: Readonly<{ text: string; descriptor: Descriptor }>,
): LocalImage {
  const wanted = `${text} for ${formatPlatform(platform)}`;
  try {
    const image = store.image(descriptor, platform);
    if (image.config.architecture === '' || matchesPlatform(image.config, platform)) return image;
    const here = formatPlatform(image.config);
    throw new ImageNotFoundError(`${wanted}: the one on this machine is for ${here}`);
  } catch (error) {
    if (!(error instanceof ImageFormatError)) throw error;
    throw new ImageNotFoundError(wanted, { cause: error }); // of an index, none for it has come so far
  }
}

function containerImage(
  store: LocalStore,
  { config, manifest, descriptor, configDescriptor }: LocalImage,
): ContainerImage {
  const diffIDs = config.rootfs.diff_ids;
  if (diffIDs.length !== manifest.layers.length) {
    throw new ImageFormatError(
      `${descriptor.digest} has ${manifest.layers.length} layers, and ${diffIDs.length} diffIDs`,
    );
  }
  const stack = manifest.layers.map((layer, i) => {
    const diffID = diffIDs[i] ?? layer.digest;
    const isTar = store.sizeOf(diffID) !== undefined;
    return {
      diffID,
      async *open() {
        const source = await store.fetch(isTar ? { ...layer, digest: diffID } : layer);
        yield* isTar ? source : decompress(source);
      },
      ...(isTar && { path: store.blobPath(diffID) }),
    };
  });
  return { id: configDescriptor.digest, manifest: { ...descriptor }, config, stack };
}

function ownerOf(containerId: string): string {
  return `container/${containerId}`;
}
