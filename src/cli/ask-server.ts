import { setTimeout as sleep } from 'node:timers/promises';
import type { JobQueue } from '../index/index.js';
import type { JobOutcome, Outcome, Task } from '../registry/maintenance/index.js';

/** At first, when little is to be done: it is half as long again each time. */
const FIRST_LOOK_MS = 20;
const LOOK_EVERY_MS = 50;
/** A server looks more often. Whoever has not looked by then may be another command, which looks for nothing. */
const UNTAKEN_MS = 500;
/** For a server to be done before the user is told why it may not be. */
const PATIENCE_MS = 2000;

/**
 * Has a task done by the server that has the files. Whoever begins to serve, and whoever makes the index anew, forgets what
 * nobody took yet: then it is asked for again.
 * @returns nothing when nobody takes it. @throws {Error} as the task does.
 */
export async function askServer(jobs: JobQueue, task: Task): Promise<Outcome | undefined> {
  const ask = () => jobs.add(JSON.stringify(task));
  let id = await ask();
  let taken = false;
  let mayTellWhy = process.stderr.isTTY && task.kind === 'collect';
  try {
    const asked = performance.now();
    for (let wait = FIRST_LOOK_MS; ; wait = Math.min(wait * 1.5, LOOK_EVERY_MS)) {
      await sleep(wait);
      const job = await jobs.find(id);
      if (job?.outcome !== undefined) return resultOf(JSON.parse(job.outcome) as JobOutcome);
      if (taken && !job) throw new Error('the server was started anew, or lost its index: try again');
      taken = job?.taken ?? false;
      const waited = performance.now() - asked;
      if (taken && mayTellWhy && waited > PATIENCE_MS) {
        mayTellWhy = false;
        process.stderr.write(
          'berth: the server is at it; soon after a start it compares its index with the files first\n',
        );
      }
      if (!taken && waited > UNTAKEN_MS && (await jobs.withdraw(id))) return undefined;
      if (!job) id = await ask();
    }
  } finally {
    await jobs.drop(id);
  }
}

function resultOf(outcome: JobOutcome): Outcome {
  if ('failed' in outcome) throw new Error(outcome.failed);
  return outcome.done;
}
