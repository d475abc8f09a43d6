import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CgroupSupport, cgroupSupport } from './limits/index.js';
import type { Surroundings } from './spec.js';
import { userCgroup } from './user-cgroups.js';
import { isWritable } from './writable.js';

const MOUNT = '/sys/fs/cgroup';

/**
 * Which kind of cgroups this process may make: `none` where they are read-only, as in most containers. A hybrid
 * machine counts as v1: there the controllers are.
 */
export function usableCgroups(): 'none' | 'v1' | 'v2' {
  if (existsSync(join(MOUNT, 'cgroup.controllers'))) return isWritable(MOUNT) ? 'v2' : 'none';
  return isWritable(join(MOUNT, 'devices')) ? 'v1' : 'none';
}

/** As {@link usableCgroups}, for containers of whoever this process belongs to: ordinary users have those of their systemd. */
export function ownCgroups(): Pick<Surroundings, 'cgroups' | 'userCgroup'> {
  if (ownIDs() === 'machine') return { cgroups: usableCgroups() };
  const directory = userCgroup(process.env.XDG_RUNTIME_DIR);
  return directory === undefined ? { cgroups: 'none' } : { cgroups: 'v2', userCgroup: directory };
}

/** What containers that this process makes can be limited by. */
export function ownCgroupSupport(): CgroupSupport {
  return cgroupSupport(ownCgroups());
}

/** Whether root of this process is root of the machine, or of a user namespace with many ids, or with a single one. */
export function ownIDs(map = readFileSync('/proc/self/uid_map', 'utf8')): 'machine' | 'range' | 'single' {
  const rows = map
    .trim()
    .split('\n')
    .map((row) => row.trim().split(/\s+/).map(Number));
  const total = rows.reduce((sum, [, , count = 0]) => sum + count, 0);
  if (total <= 1) return 'single';
  return total >= 2 ** 32 - 1 ? 'machine' : 'range';
}
