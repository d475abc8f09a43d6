import type { LockMode, WantedLock } from './locks.js';

/** What a process asks of the one that has the table. `id` is chosen by whoever asks. */
export type LockRequest =
  | Readonly<{ lock: 'take'; id: number; wanted: readonly WantedLock[] }>
  | Readonly<{ lock: 'try'; id: number; key: string; mode: LockMode }>
  /** Also gives up what is still waited for. */
  | Readonly<{ lock: 'release'; id: number }>;

export type LockReply = Readonly<{ lock: 'granted' | 'busy'; id: number }>;
