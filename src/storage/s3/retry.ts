import { setTimeout as sleep } from 'node:timers/promises';

const FIRST_WAIT_MS = 100;
/** With the waits between them these take some five seconds: longer than most of what passes. */
export const MAX_ATTEMPTS = 7;

/** Waits longer after each failure, and at random: those who were refused together must not come back together. */
export async function pauseAfter(attempt: number): Promise<void> {
  const longest = FIRST_WAIT_MS * 2 ** (attempt - 1);
  await sleep(longest * (0.5 + Math.random() / 2));
}
