import { constants } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { attempt, LinuxError } from './libc.js';

const FLOCK = 'int flock(int fd, int operation)';
const OPERATIONS = { shared: 1, exclusive: 2 } as const;
const NON_BLOCKING = 4;
const SHORTEST_WAIT_MS = 5;
const LONGEST_WAIT_MS = 100;

export type LockKind = keyof typeof OPERATIONS;

/**
 * Locks an open file against other openings of it, until it is closed: the lock ends with the process too.
 * @returns whether it could be had at once.
 */
export function tryFlock(fd: number, kind: LockKind): boolean {
  const result = attempt(FLOCK, [fd, OPERATIONS[kind] | NON_BLOCKING]);
  if (result >= 0) return true;
  if (result === -constants.errno.EAGAIN) return false;
  throw new LinuxError('flock', `descriptor ${fd}`, -result);
}

/**
 * As {@link tryFlock}, waiting for others by asking again and again: a blocked thread could not be called off.
 * @returns `false` only without `wait`.
 */
export async function flock(
  fd: number,
  kind: LockKind,
  { wait = true, signal }: { wait?: boolean; signal?: AbortSignal } = {},
): Promise<boolean> {
  for (let pause = SHORTEST_WAIT_MS; ; pause = Math.min(2 * pause, LONGEST_WAIT_MS)) {
    signal?.throwIfAborted();
    if (tryFlock(fd, kind)) return true;
    if (!wait) return false;
    await setTimeout(pause, undefined, { signal });
  }
}
