import { readIfAny } from '../../linux/index.js';
import { numbersIn, socketsAt, socketsOf } from './sockets.js';

/** Which process of this machine listens on a port, as far as we may see: `nginx (process 12)`. */
export function portUser(port: number, protocol: string): string | undefined {
  const inodes = new Set([...socketsAt(port, protocol), ...socketsAt(port, `${protocol}6`)]);
  if (inodes.size === 0) return undefined;
  for (const pid of numbersIn('/proc')) {
    if (socketsOf(pid).some((inode) => inodes.has(inode)))
      return `${readIfAny(`/proc/${pid}/comm`).trim()} (process ${pid})`;
  }
  return undefined;
}
