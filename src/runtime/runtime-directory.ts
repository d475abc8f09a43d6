import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Where what does not outlive the machine's boot is: each $BERTH_ROOT has its own.
 * @param run `/run`, or the user's.
 */
export function runtimeDirectory(root: string, run: string): string {
  return join(run, 'berth', createHash('sha256').update(root).digest('hex').slice(0, 12));
}

/** Which boot of the machine this is. */
export function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}
