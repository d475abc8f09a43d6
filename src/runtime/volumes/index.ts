/**
 * Volumes of this machine, and all that a container has mounted: asked for in the members of the Engine API, kept as mount
 * points, handed to the OCI runtime. Knows nothing of how a container is run. Start with volumes.ts and resolve-mounts.ts;
 * copy-up.ts is how a new volume gets what an image has.
 */

export {
  type BindPoint,
  inspectMounts,
  type MountPoint,
  nameOfMount,
  type TmpfsPoint,
  type VolumePoint,
} from './mount-point.js';
export type { MountConfig } from './mount-request.js';
export { openParts } from './open-beneath.js';
export { type PreparedVolumes, prepareVolumes } from './prepare-volumes.js';
export { type MountsHostConfig, resolveMounts, type WantedMounts } from './resolve-mounts.js';
export { copyUp, expectSources, type MountPlace, type PlacedMounts, specMounts } from './spec-mounts.js';
export { treeBytes } from './tree-bytes.js';
export { inspectVolume, isOfMachine, type Volume, type VolumeInspect, type VolumeRequest } from './volume.js';
export { VOLUMES_SCHEMA } from './volume-store.js';
export { Volumes } from './volumes.js';
