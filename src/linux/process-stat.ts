import { existsSync, readdirSync, readFileSync } from 'node:fs';

/**
 * What the kernel tells of a process: proc(5), /proc/pid/stat, its fields from the third (the state) on. Nothing for one that
 * has ended, also while it waits to be looked at.
 */
export function processStat(pid: string | number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields;
  } catch {
    return undefined;
  }
}

/** Whether all threads of a process have: until then, its files and sockets are there. proc(5), /proc/pid/task. */
export function hasEnded(pid: number): boolean {
  try {
    return readdirSync(`/proc/${pid}/task`).every((thread) => processStat(thread) === undefined);
  } catch {
    return !existsSync(`/proc/${pid}`);
  }
}
