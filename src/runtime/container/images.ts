import type { LayerStack } from '../../layer/index.js';
import type { Descriptor, Digest, ImageConfig, Platform } from '../../oci/index.js';

/** An image of this machine, as containers are made of it. */
export type ContainerImage = Readonly<{
  /** As people know it. */
  id: Digest;
  manifest: Descriptor;
  config: ImageConfig;
  stack: LayerStack;
}>;

/** Where containers find their images: what the runtime needs of the local store. */
export interface ContainerImages {
  /**
   * @param text a name, an id or its beginning. @param platform it has to be for; else the one for this machine is first.
   * @throws {ImageNotFoundError} it is not on this machine.
   */
  get(text: string, platform?: Platform): ContainerImage;
  /** One that is held. @throws {ContentNotFoundError} somebody has removed it all the same. */
  open(manifest: Descriptor): ContainerImage;
  /** Uncompressed bytes of its layers. @throws {ContentNotFoundError} */
  sizeOf(manifest: Descriptor): number;
  /** Keeps an image for a container, whatever becomes of its names. */
  hold(containerId: string, manifest: Descriptor): void;
  release(containerId: string): void;
}
