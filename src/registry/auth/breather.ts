import { setImmediate } from 'node:timers/promises';

/**
 * Lets a long computation share the event loop: awaiting what it returns hands the loop over once `maxMs` have gone
 * by since the last time, and costs next to nothing before that.
 */
export function breather(maxMs = 2): () => Promise<void> | undefined {
  let since = performance.now();
  return () => {
    if (performance.now() - since < maxMs) return undefined;
    return setImmediate().then(() => {
      since = performance.now();
    });
  };
}
