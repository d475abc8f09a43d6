/**
 * Locks by name, together or alone, within a process or between all that serve one registry. Start with locks.ts.
 */
export { LocalLocks } from './local-locks.js';
export type { HeldLock, LockMode, Locks } from './locks.js';
