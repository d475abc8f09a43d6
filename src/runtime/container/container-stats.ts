import { type ContainerStats, readStats } from '../limits/index.js';
import { ownCgroupsOf, processesWithoutCgroups } from './container-processes.js';
import type { ContainerRecord } from './container-record.js';
import { processOf } from './process-tree.js';

/** What a container has used until now; nothing of one that does not run. */
export function statsOfContainer(record: ContainerRecord): ContainerStats | undefined {
  const { state, hostConfig } = record;
  if (state.pid <= 0 || processOf(state.pid) === undefined) return undefined;
  const source = ownCgroupsOf(record) ?? processesWithoutCgroups(record);
  return readStats(source, state.pid, { hasOwnNetwork: hostConfig.NetworkMode !== 'host' });
}
