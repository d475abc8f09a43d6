import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';

const SHORTEST_WAIT_MS = 10;
/** Whoever goes on for so long is frozen, and ends when it is not any more. */
const LONGEST_WAIT_MS = 1000;

/**
 * Kills a further process of a container with all that it has started, as far as that did not go its own way: its session,
 * and its descendants. @param leader its process on this machine. @param listed those of the container.
 */
export async function endSession(leader: number, listed: () => Promise<readonly number[]>): Promise<void> {
  for (let wait = SHORTEST_WAIT_MS; wait <= LONGEST_WAIT_MS; wait *= 2) {
    const ours = sessionOf(leader, await listed().catch(() => []));
    if (ours.length === 0) return;
    for (const pid of ours) kill(pid);
    await setTimeout(wait);
  }
}

/** Whoever is of its session, or descends from one that is. */
function sessionOf(leader: number, pids: readonly number[]): number[] {
  const processes = pids.map(processOf).filter((each) => each !== undefined);
  const found = new Set(
    processes.filter(({ pid, session }) => session === leader || pid === leader).map(({ pid }) => pid),
  );
  for (let before = -1; before !== found.size; ) {
    before = found.size;
    for (const { pid, parent } of processes) if (found.has(parent)) found.add(pid);
  }
  return [...found];
}

/** proc(5), /proc/pid/stat. Nothing for one that has ended. */
function processOf(pid: number): Readonly<{ pid: number; parent: number; session: number }> | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const [state, parent, , session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return state === 'Z' ? undefined : { pid, parent: Number(parent), session: Number(session) };
  } catch {
    return undefined;
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it has ended meanwhile
  }
}
