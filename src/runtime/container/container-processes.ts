import { readdirSync, readlinkSync } from 'node:fs';
import { type CgroupPaths, cgroupPathsOf } from '../limits/index.js';
import type { ContainerRecord } from './container-record.js';
import type { OciControl } from './oci-control.js';
import { descendantsOf } from './process-tree.js';

/** Nothing of an ordinary user's: nobody made any for it, and it is in those of whoever started it. */
export function ownCgroupsOf({ id, state }: ContainerRecord): CgroupPaths | undefined {
  const cgroups = cgroupPathsOf(state.pid);
  const isOwn = ['memory', 'cpuacct', 'pids'].some((name) => cgroups?.directoryOf(name)?.includes(id));
  return isOwn ? cgroups : undefined;
}

/** Host pids of all its processes. @throws {RuntimeError} it does not run. */
export async function processesOf(record: ContainerRecord, control: OciControl): Promise<readonly number[]> {
  // The runtime finds them by their cgroups.
  return ownCgroupsOf(record) === undefined ? processesWithoutCgroups(record) : control.processes(record.id);
}

/**
 * All processes of a container without cgroups of its own: those of its process namespace; where it shares that, what its
 * first process has started.
 */
export function processesWithoutCgroups({ state: { pid }, hostConfig }: ContainerRecord): number[] {
  const below = [pid, ...descendantsOf(pid)];
  const namespace = pidNamespaceOf(pid);
  if (namespace === undefined || /^(?:host|container:)/.test(hostConfig.PidMode ?? '')) return below;
  const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return [...new Set([...below, ...all.map(Number).filter((one) => pidNamespaceOf(one) === namespace)])];
}

/** Nothing of one that has ended, or is somebody else's. */
function pidNamespaceOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return undefined;
  }
}
