import { readFileSync } from 'node:fs';
import type { Ulimit } from '../layer/index.js';
import { RuntimeError } from './errors.js';

/** runtime-spec config.md, "POSIX-platform Mounts", rlimits. */
export type Rlimit = Readonly<{ type: string; soft: number; hard: number }>;

/** What /proc/self/limits calls them. */
const ROWS: Readonly<Record<string, string>> = {
  as: 'Max address space',
  core: 'Max core file size',
  cpu: 'Max cpu time',
  data: 'Max data size',
  fsize: 'Max file size',
  locks: 'Max file locks',
  memlock: 'Max locked memory',
  msgqueue: 'Max msgqueue size',
  nice: 'Max nice priority',
  nofile: 'Max open files',
  nproc: 'Max processes',
  rss: 'Max resident set',
  rtprio: 'Max realtime priority',
  rttime: 'Max realtime timeout',
  sigpending: 'Max pending signals',
  stack: 'Max stack size',
};

const UNLIMITED = 2 ** 64;

/**
 * Limits in the form of the runtime-spec, none above the hard limit of this process: only CAP_SYS_RESOURCE of the
 * machine (`mayRaise`) may go beyond it, and asking without makes the container fail.
 */
export function rlimits(
  ulimits: readonly Ulimit[],
  { mayRaise, limits = readLimits() }: { mayRaise: boolean; limits?: ReadonlyMap<string, number> },
): Rlimit[] {
  return ulimits.map(({ name, soft, hard }) => {
    const row = ROWS[name];
    if (row === undefined) throw new RuntimeError(`there is no ulimit ${JSON.stringify(name)}`);
    const most = mayRaise ? UNLIMITED : (limits.get(row) ?? UNLIMITED);
    const highest = Math.min(amount(hard), most);
    return { type: `RLIMIT_${name.toUpperCase()}`, soft: Math.min(amount(soft), highest), hard: highest };
  });
}

/** Hard limits by name, from /proc/self/limits. */
export function readLimits(text = readFileSync('/proc/self/limits', 'utf8')): ReadonlyMap<string, number> {
  const rows = text.matchAll(/^(Max [a-z ]+?)\s{2,}\S+\s+(\d+|unlimited)/gm);
  return new Map(
    Array.from(rows, ([, name = '', hard]) => [name, hard === 'unlimited' ? UNLIMITED : Number(hard)]),
  );
}

function amount(value: number): number {
  return value < 0 ? UNLIMITED : value;
}
