import { mkdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cgroupsOf } from './limits/index.js';

/** Beside those of most containers. */
const CGROUP = 'berth/monitors';

/**
 * Takes a process, and what it will start, out of the cgroups of whoever has started it: a session of systemd or a job of
 * CI that is ended with all that is in its cgroup leaves containers, and what watches over them, alone. As far as may be: a
 * process stays where cgroups are read-only, as they are for ordinary users.
 * @param pid a child of this process.
 */
export async function moveToMonitors(pid: number): Promise<void> {
  for (const { mount, directory } of cgroupsOf('self')) {
    const wanted = join(mount, CGROUP);
    if (directory === mount || directory === wanted) continue; // nobody ends all that is in the root
    try {
      mkdirSync(wanted, { recursive: true });
      // The kernel may take its time, in which others can go on.
      await writeFile(join(wanted, 'cgroup.procs'), String(pid));
    } catch {
      // not for us to change, or nothing may be in a new one before it has been set up: cpuset of v1
    }
  }
}
