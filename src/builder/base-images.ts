import type { OnTransfer } from '../image/index.js';
import type { Descriptor, Digest, ImageConfig, Platform } from '../oci/index.js';

/** When to ask the registry for a base image: `missing` only when it is not on this machine. */
export type PullPolicy = 'always' | 'missing' | 'never';

/** An image that is on this machine now, with all its layers. */
export type BaseImage = Readonly<{
  /** Whether `name` is that of a layout: any text. */
  origin: 'registry' | 'layout';
  /** The whole name, as people may copy it: `docker.io/library/alpine:3`. */
  name: string;
  /** Of the manifest for the platform. */
  digest: Digest;
  /** With members that ImageConfig does not name. */
  config: ImageConfig;
  /** As its manifest names them, base first: as many as `config.rootfs.diff_ids`. */
  layers: readonly Descriptor[];
}>;

export type ResolveOptions = Readonly<{
  platform: Platform;
  pull: PullPolicy;
  onTransfer?: OnTransfer;
  signal?: AbortSignal;
}>;

/** Where FROM and `--from` find images. */
export interface BaseImages {
  /**
   * @param name as a Dockerfile has it: `alpine`, `reg.example/app@sha256:…`.
   * @throws {ImageNotFoundError} nowhere, or not for the platform.
   */
  resolve(name: string, options: ResolveOptions): Promise<BaseImage>;
}

/** Where to learn of images that nothing is to be built on. */
export interface BaseConfigs {
  /** @throws {ImageNotFoundError} nowhere, or not for the platform. */
  describe(name: string, options: ResolveOptions): Promise<ImageConfig>;
}
