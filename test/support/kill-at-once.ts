import { setTimeout as sleep } from 'node:timers/promises';
import { hasEnded } from '../../src/linux/index.js';

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
