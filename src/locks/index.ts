/**
 * Locks by name, together or alone, within a process or between all that serve one registry. Start with locks.ts; LockTable
 * grants them, in this process (LocalLocks) or to others (LockServer and RemoteLocks).
 */
export { LocalLocks } from './local-locks.js';
export type { LockReply, LockRequest } from './lock-messages.js';
export { type LockClient, LockServer } from './lock-server.js';
export type { HeldLock, LockMode, Locks, WantedLock } from './locks.js';
export { RemoteLocks } from './remote-locks.js';
