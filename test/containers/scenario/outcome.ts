import type { Accepted } from './chapter.js';
import type { Outcome } from './side.js';

type Replacement = readonly [what: RegExp, by: string];

/** What differs from one run to the next on the same side; the order matters. */
const VARYING: readonly Replacement[] = [
  [/\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z| ?[+-]\d\d:?\d\d( [A-Z]+)?)/g, 'TIME'],
  [/\b[0-9a-f]{64}\b/g, 'ID'],
  [/\b[0-9a-f]{12}\b/g, 'SHORT'],
  [/(Less than a|About a|\d+) (second|minute)s?/gi, 'A WHILE'],
  [/"Pid":\d+/g, '"Pid":N'],
  [/ {2,}/g, '  '], // columns are as wide as what is in them
  [/[ \t\r]+$/gm, ''],
];

/** A result without what differs each time, and without what may differ. Outputs are lists of lines. */
export function comparable({ code, stdout, stderr }: Outcome, accepted: readonly Accepted[]) {
  const replaced: readonly Replacement[] = [...VARYING, ...accepted.map(({ what }) => [what, ''] as const)];
  const plain = (text: string) => replaced.reduce((rest, [what, by]) => rest.replaceAll(what, by), text);
  // Later daemons of docker begin their errors with small letters.
  return { code, stdout: plain(stdout).split('\n'), stderr: plain(stderr).toLowerCase().split('\n') };
}
