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
  // The kernel may take its time, in which others can go on.
  for (const list of monitorLists()) await writeFile(list, String(pid)).catch(() => {});
}

/** For Perl: as {@link moveToMonitors}, by itself, with {@link moveEnvironment}. Nobody waits for the kernel then. */
export const MOVE_TO_MONITORS =
  "for (split /\\n/, delete $ENV{BERTH_CGROUPS} // '') { if (open(my $list, '>', $_)) { syswrite($list, 0) } }";

export function moveEnvironment(): NodeJS.ProcessEnv {
  return { BERTH_CGROUPS: monitorLists().join('\n') };
}

/** Where pids are to be written, of those cgroups that can be made. */
function monitorLists(): string[] {
  return cgroupsOf('self').flatMap(({ mount, directory }) => {
    const wanted = join(mount, CGROUP);
    if (directory === mount || directory === wanted) return []; // nobody ends all that is in the root
    try {
      mkdirSync(wanted, { recursive: true });
      return [join(wanted, 'cgroup.procs')];
    } catch {
      return []; // not for us to change
    }
  });
}
