import { type ContainerStats, cgroupPathsOf, readStats } from '../limits/index.js';
import type { ContainerRecord } from './container-record.js';

/** What a container has used until now; nothing of one that does not run. */
export function statsOfContainer({ state, hostConfig }: ContainerRecord): ContainerStats | undefined {
  const cgroups = state.pid > 0 ? cgroupPathsOf(state.pid) : undefined;
  return cgroups && readStats(cgroups, state.pid, { hasOwnNetwork: hostConfig.NetworkMode !== 'host' });
}
