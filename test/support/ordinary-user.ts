import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CommandPrefix } from './run.js';

const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** $0 is a folder that not all may enter: what is at $1 below it stays, and all else there is gone. */
const WITHIN = `mount --make-rprivate / && mount --bind "$1" /mnt && mount -t tmpfs -o mode=755 tmpfs "$0" &&
  mkdir -p "$1" && mount --move /mnt "$1" && cd "$PWD" && shift && exec "$@"`;

/**
 * Put before a command, it is that of an ordinary user, who can read this checkout wherever it lies, as in root's home. Needs
 * root. @param groups options of setpriv.
 */
export function asUser(user: string | number, ...groups: readonly string[]): CommandPrefix {
  const closed = parentsOf(CHECKOUT).find((folder) => (statSync(folder).mode & 0o001) === 0);
  const setpriv = ['setpriv', `--reuid=${user}`, `--regid=${user}`];
  return [
    ...(closed === undefined ? [] : ['unshare', '--mount', '--', 'sh', '-c', WITHIN, closed, CHECKOUT]),
    ...setpriv,
    ...(groups.length > 0 ? groups : ['--init-groups']),
  ];
}

/** From the outermost on. */
function parentsOf(path: string): string[] {
  const parent = dirname(path);
  return parent === path ? [] : [...parentsOf(parent), parent];
}
