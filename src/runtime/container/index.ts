/**
 * Containers that have a life: made, started, looked into, stopped, removed. Start with container-host.ts; what a container
 * is asked to be is configuration.ts, what becomes of that container-bundle.ts, and who watches over it monitor.ts.
 */

export { ContainerNotFoundError, ContainerStartError } from '../errors.js';
export type { FileStat, WriteOptions } from '../files/index.js';
export type { CgroupSupport } from '../limits/index.js';
export type { RuntimeEvent, RuntimeEvents } from '../runtime-events.js';
export { ownCgroupSupport } from '../surroundings.js';
export { type AttachOptions, DETACHED, startAttachBridge } from './attach-bridge.js';
export { Attendant } from './attendant.js';
export { parseCreateBody, parseHostConfig } from './body-shape.js';
export type { Care } from './care.js';
export { type CommitOptions, commitContainer } from './commit-container.js';
export {
  type ContainerConfig,
  type CreateBody,
  commandLine,
  type EndpointSettings,
  type HostConfig,
  type NetworkingConfig,
  type RestartPolicy,
} from './configuration.js';
export { type ExecOptions, execInContainer } from './container-exec.js';
export type { ContainerFiles, OpenFiles } from './container-files.js';
export type { ContainerFolder } from './container-folder.js';
export { ContainerHost } from './container-host.js';
export { networkNames } from './container-networks.js';
export {
  type ContainerRecord,
  type ContainerState,
  type ContainerStatus,
  isActive,
  isAlive,
} from './container-record.js';
export { statsOfContainer } from './container-stats.js';
export { newExecId, postAttach, postExec } from './exec-events.js';
export type { TerminalSize } from './exec-terminal.js';
export { watchHealth } from './health-watch.js';
export type { ContainerHostOptions } from './host-parts.js';
export type { ContainerImage, ContainerImages } from './images.js';
export { type ImageInUse, imagesInUse } from './images-in-use.js';
export { inspectContainer } from './inspect.js';
export { inspectNetworks } from './inspect-networks.js';
export { ownerOfIDs } from './own-ids.js';
export { pruneContainers } from './prune.js';
export { DEFAULT_DETACH_KEYS, parseDetachKeys, resizeTerminal } from './terminal.js';
export { type ContainerTop, topContainer } from './top.js';
