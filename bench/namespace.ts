import { execFileSync } from 'node:child_process';

/** Set for the process inside the network namespace. */
const INSIDE = 'BERTH_BENCH_INSIDE';

/**
 * Starts this program again with a network of its own: container engines change addresses and firewalls.
 * @returns whether it did, and that has ended; else this is the one inside.
 */
export function runInNamespace(): boolean {
  if (process.env[INSIDE] !== undefined) return false;
  const name = `berth-bench-${process.pid}`;
  execFileSync('ip', ['netns', 'add', name]);
  const inside = `--net=/run/netns/${name}`;
  try {
    execFileSync('nsenter', [inside, 'ip', 'link', 'set', 'lo', 'up']);
    execFileSync('nsenter', [inside, process.execPath, ...process.argv.slice(1)], {
      stdio: 'inherit',
      env: { ...process.env, [INSIDE]: '1' },
    });
    return true;
  } finally {
    execFileSync('ip', ['netns', 'delete', name]);
  }
}
