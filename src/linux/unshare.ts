import { call } from './libc.js';

const UNSHARE = 'int unshare(int flags)';

/** unshare(2). Of the calling thread only; children that it starts inherit what it has. */
export const UNSHARE_FLAGS = { filesystem: 0x200, mounts: 0x2_0000 } as const;

/** @param flags of {@link UNSHARE_FLAGS}, joined with `|`. Others than these fail in a process with threads. */
export function unshare(flags: number): void {
  call(UNSHARE, 'this process', [flags]);
}
