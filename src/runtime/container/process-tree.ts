import { readdirSync, readFileSync } from 'node:fs';
import { processStat } from '../../linux/index.js';

/** `parent` and `session` are process ids, as this process sees them. */
export type ProcessSeen = Readonly<{ pid: number; parent: number; session: number }>;

/** Nothing for one that has ended. */
export function processOf(pid: number): ProcessSeen | undefined {
  const [, parent, , session] = processStat(pid) ?? [];
  return parent === undefined ? undefined : { pid, parent: Number(parent), session: Number(session) };
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
