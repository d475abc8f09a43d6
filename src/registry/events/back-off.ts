import type { Endpoint } from './endpoint.js';

const FIRST_MS = 50;
const LONGEST_MS = 5 * 60_000;
/** A part of each wait is left to chance, so that endpoints that went away together are not all asked again at once. */
const JITTER = 0.2;

/**
 * How long to wait after so many failures in a row, in milliseconds. Up to `threshold` it is short, at most `backoffMs`; from there on
 * it is `backoffMs`, twice as long with each failure, up to five minutes.
 */
export function backOff(
  failures: number,
  { threshold, backoffMs }: Pick<Endpoint, 'threshold' | 'backoffMs'>,
  random: () => number,
): number {
  const wait =
    failures < threshold
      ? Math.min(FIRST_MS * 2 ** (failures - 1), backoffMs)
      : Math.min(backoffMs * 2 ** (failures - threshold), Math.max(LONGEST_MS, backoffMs));
  return wait * (1 - JITTER + 2 * JITTER * random());
}
