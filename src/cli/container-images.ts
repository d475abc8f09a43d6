import { ImageFormatError, imageSize, type LocalStore } from '../image/index.js';
import { decompress } from '../layer/index.js';
import type { Descriptor } from '../oci/index.js';
import type { ContainerImage, ContainerImages } from '../runtime/container/index.js';

/** The images of this machine, for containers. */
export function containerImages(store: LocalStore): ContainerImages {
  return {
    get(text) {
      const { id, descriptor } = store.get(text);
      return { ...imageOf(store, descriptor), id };
    },
    open: (manifest) => imageOf(store, manifest),
    sizeOf: (manifest) => imageSize(store, store.image(manifest).manifest.layers),
    hold: (containerId, { digest }) => store.holds.add(ownerOf(containerId), [digest]),
    release: (containerId) => store.holds.remove(ownerOf(containerId)),
  };
}

function imageOf(store: LocalStore, root: Descriptor): ContainerImage {
  const { config, manifest, descriptor, configDescriptor } = store.image(root);
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
