import { readIfAny } from '../../linux/index.js';

/** USER_HZ, which no Linux that Node runs on has otherwise. */
export const NS_PER_TICK = 1e7;

/** A file that holds one number. `max` is no number, as is nothing. */
export function numberIn(path: string): number | undefined {
  const text = readIfAny(path).trim();
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

/** A file of lines with a name and a number each. */
export function countersIn(path: string): Record<string, number> {
  const rows = readIfAny(path).matchAll(/^(\S+) (\d+)$/gm);
  return Object.fromEntries(Array.from(rows, ([, name = '', value]) => [name, Number(value)]));
}
