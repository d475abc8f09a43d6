import { readdirSync, readFileSync } from 'node:fs';

/** `parent` and `session` are process ids, as this process sees them. */
export type ProcessSeen = Readonly<{ pid: number; parent: number; session: number }>;

/** proc(5), /proc/pid/stat. Nothing for one that has ended. */
export function processOf(pid: number): ProcessSeen | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const [state, parent, , session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return state === 'Z' ? undefined : { pid, parent: Number(parent), session: Number(session) };
  } catch {
    return undefined;
  }
}

/** All that a process has started, and what that has, as far as its parents are there still. Not itself. */
export function descendantsOf(pid: number): number[] {
  const all = readdirSync('/proc').flatMap((name) =>
    /^\d+$/.test(name) ? (processOf(Number(name)) ?? []) : [],
  );
  const found = new Set([pid]);
  for (let before = 0; before !== found.size; ) {
    before = found.size;
    for (const one of all) if (found.has(one.parent)) found.add(one.pid);
  }
  found.delete(pid);
  return [...found];
}

/** Its command line; none for one that has ended. */
export function argumentsOfProcess(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
  } catch {
    return [];
  }
}

export function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it has ended meanwhile
  }
}
