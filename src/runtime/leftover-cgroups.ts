import { existsSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RuntimeError } from './errors.js';

const LOOK_AGAIN_MS = 20;
const KILL_WAIT_MS = 5000;

/**
 * Ends what is in a cgroup, and removes it from all hierarchies: the runtime forgets those that it was making when it was
 * killed. Nothing is wrong if there is none.
 * @param path as in `linux.cgroupsPath` of runtime-spec. @param mount where cgroups are.
 * @throws {RuntimeError} it does not end.
 */
export async function removeCgroups(path: string, mount = '/sys/fs/cgroup'): Promise<void> {
  const deadline = Date.now() + KILL_WAIT_MS;
  const places = [mount, ...directoriesIn(mount)].map((hierarchy) => join(hierarchy, path));
  for (const place of places) {
    while (existsSync(place) && !removeTree(place)) {
      if (Date.now() > deadline)
        throw new RuntimeError(`${place} cannot be removed: its processes do not end`);
      await sleep(LOOK_AGAIN_MS);
    }
  }
}

/** @returns whether it is gone; else it has processes, which were killed. */
function removeTree(cgroup: string): boolean {
  const isEmpty = directoriesIn(cgroup).every(removeTree);
  const pids = read(join(cgroup, 'cgroup.procs')).split('\n').filter(Boolean).map(Number);
  for (const pid of pids) kill(pid);
  // What is frozen does not see signals: v1.
  if (pids.length > 0) write(join(cgroup, 'freezer.state'), 'THAWED');
  if (!isEmpty || pids.length > 0) return false;
  try {
    rmdirSync(cgroup);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EBUSY') return false; // a process that has just ended
    if (code === 'ENOENT') return true;
    throw error;
  }
}

function directoriesIn(path: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => join(path, name));
  } catch {
    return [];
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it has ended meanwhile
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

function write(path: string, text: string): void {
  if (existsSync(path)) writeFileSync(path, text);
}
