import type { LockReply, LockRequest } from '../locks/index.js';

/** What the process that has the workers wants to know of each, or have done. */
export type Question = 'health' | 'down' | 'up' | 'metrics';

export type ToWorker = LockReply | Readonly<{ ask: Question; id: number }>;

export type FromWorker =
  /** In their order. */
  | Readonly<{ locks: readonly LockRequest[] }>
  /** It takes requests from now on. */
  | Readonly<{ listening: string }>
  | Readonly<{ answer: unknown; id: number }>;
