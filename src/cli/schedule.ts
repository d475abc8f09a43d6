import { setTimeout as sleep } from 'node:timers/promises';

/** Does something again and again until `signal`. Both times in milliseconds. */
export async function repeat(
  { first, interval }: { first: number; interval: number },
  signal: AbortSignal,
  work: () => Promise<void>,
): Promise<void> {
  for (let wait = first; await slept(wait, signal); wait = interval) await work();
}

async function slept(milliseconds: number, signal: AbortSignal): Promise<boolean> {
  // Timers end at 2^31 ms; longer intervals come round a little early, which harms nothing.
  const wait = sleep(Math.min(milliseconds, 2 ** 31 - 1), true, { signal, ref: false });
  return wait.catch(() => false);
}
