import { setTimeout } from 'node:timers/promises';
import { kill, processOf } from './process-tree.js';

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
