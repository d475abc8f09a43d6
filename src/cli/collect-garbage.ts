import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Gives back what nothing needs any more, the pages that V8 would keep included: after work that needed much and is over.
 * Holds up everything for as long as that takes.
 */
export function collectGarbage(): void {
  // The flag is on for a moment only: code that was compiled without it, Node's own included, is not taken from any cache
  // while it is on.
  setFlagsFromString('--expose-gc');
  const collect: NodeJS.GCFunction = runInNewContext('gc');
  setFlagsFromString('--no-expose-gc');
  collect({ type: 'major', flavor: 'last-resort' });
}
