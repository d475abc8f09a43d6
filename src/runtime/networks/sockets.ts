import { readdirSync, readlinkSync } from 'node:fs';
import { readIfAny } from '../../linux/index.js';

const LISTENING = '0A';

/**
 * Inodes of the sockets that take what comes to a port, in the network that a process is in. proc(5), /proc/net/tcp.
 * @param table `tcp`, `udp`, `tcp6` or `udp6`.
 */
export function socketsAt(port: number, table: string, pid: number | 'self' = 'self'): string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return readIfAny(`/proc/${pid}/net/${table}`)
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(
      ([, local = '', , state]) => local.endsWith(suffix) && (state === LISTENING || table.startsWith('udp')),
    )
    .flatMap((fields) => fields[9] ?? []);
}

/** Inodes of the sockets that a process has, as far as we may see. */
export function socketsOf(pid: number): string[] {
  return numbersIn(`/proc/${pid}/fd`).flatMap(
    (fd) => /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${pid}/fd/${fd}`))?.[1] ?? [],
  );
}

/** Numbers that are names in a directory: those of processes in /proc. */
export function numbersIn(path: string): number[] {
  try {
    return readdirSync(path)
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  } catch {
    return []; // it has ended, or is somebody else's
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
