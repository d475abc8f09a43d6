import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Kills processes of anybody's. @returns once they have ended: on a busy machine a signal alone is no end yet. */
export async function killAtOnce(...pids: readonly number[]): Promise<void> {
  for (const pid of pids) {
    if (pid <= 0) throw new Error(`${pid} is no process, but many`);
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // it has ended by itself
    }
  }
  while (!pids.every(hasEnded)) await sleep(5);
}

/** All of its threads: until then, its files and ports are held. */
export function hasEnded(pid: number): boolean {
  try {
    return readdirSync(`/proc/${pid}/task`).every((thread) =>
      /^State:\t[ZX]/m.test(readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8')),
    );
  } catch {
    return !existsSync(`/proc/${pid}`); // or a thread has just gone: to be looked at again
  }
}
