import { createHash } from 'node:crypto';

/** Changes when the same key would mean another layer. */
const VERSION = 1;

/** Names what a step is made of: JSON frames the parts, so that no two lists look alike. */
export function keyOf(...parts: readonly unknown[]): string {
  return createHash('sha256')
    .update(JSON.stringify([VERSION, ...parts]))
    .digest('hex');
}
