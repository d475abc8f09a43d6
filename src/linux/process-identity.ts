import { readlinkSync } from 'node:fs';
import { processStat } from './process-stat.js';

/**
 * Names a process so that others can tell whether it still runs: `pid-start-namespace`. Process ids are used again,
 * and mean something else in the containers that share a directory.
 * @param pid this process, if not said otherwise.
 */
export function processIdentity(pid: number = process.pid): string {
  return `${pid}-${startOf(String(pid)) ?? 0}-${pidNamespace()}`;
}

/** Whether a process runs: `undefined` when that cannot be seen from here. */
export function isRunning(identity: string): boolean | undefined {
  const [pid = '', start = '', namespace = ''] = identity.split('-');
  if (namespace !== pidNamespace()) return undefined;
  return startOf(pid) === start;
}

/** In clock ticks since the machine started; nothing for one that has ended. */
function startOf(pid: string): string | undefined {
  return processStat(pid)?.[19];
}

function pidNamespace(): string {
  try {
    return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '0';
  } catch {
    return '0';
  }
}
