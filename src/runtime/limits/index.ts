/**
 * What containers may use, and what they have used: HostConfig's limits as parts of the OCI spec, fitted to the cgroups of
 * this machine, and counters read from there. Start with resources.ts and read-stats.ts.
 */

export { type CgroupPaths, cgroupPathsOf, cgroupsOf } from './cgroup-paths.js';
export { type CgroupSupport, cgroupSupport, readCgroupSupport } from './cgroup-support.js';
export { devicesOf } from './device-limits.js';
export {
  adaptedLimits,
  type LimitsHostConfig,
  type UpdatableLimits,
} from './limit-config.js';
export { oomScoreOf, rlimitsOf, shmBytesOf, sysctlsOf } from './process-limits.js';
export { readStats } from './read-stats.js';
export { resourcesOf, type SpecResources } from './resources.js';
export type { ContainerStats, IoCounter, NetworkCounters } from './stats.js';
export { statsJson } from './stats-json.js';
export { type LimitsUpdate, updateLimits } from './update.js';
