import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

let collector: NodeJS.GCFunction | undefined;

/**
 * Gives back what nothing needs any more, the pages that V8 would keep included: after work that needed much and is over.
 * Holds up everything for as long as that takes.
 */
export function collectGarbage(): void {
  exposedCollector()({ type: 'major', flavor: 'last-resort' });
}

/** Gives back what nothing needs any more. Holds up everything for as long as that takes. */
export function collectNow(): void {
  exposedCollector()({ type: 'major' });
}

function exposedCollector(): NodeJS.GCFunction {
  if (collector === undefined) {
    // The flag is on for a moment only: code that was compiled without it, Node's own included, is not taken from any
    // cache while it is on.
    setFlagsFromString('--expose-gc');
    collector = runInNewContext('gc') as NodeJS.GCFunction;
    setFlagsFromString('--no-expose-gc');
  }
  return collector;
}
