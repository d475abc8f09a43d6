import { readFileSync, realpathSync } from 'node:fs';
import { MOUNT_FLAGS, mount, UMOUNT_FLAGS, UNSHARE_FLAGS, umount, unshare } from '../linux/index.js';
import { RuntimeUnavailableError } from './errors.js';

/**
 * A mount namespace of the main thread's own. What is mounted in it is seen by this thread and by the programs that it
 * starts, not by the rest of the machine, and goes away with the process, however that ends. Mounts that the machine
 * makes later are still seen.
 *
 * Threads have such namespaces, not processes: Node's own threads, which do asynchronous file calls, may not see
 * these mounts, so whoever reads files in them uses the synchronous calls.
 */
export class OwnMounts {
  #entered = false;

  /** Before the first mount. @throws {RuntimeUnavailableError} */
  enter(): void {
    if (this.#entered) return;
    try {
      unshare(UNSHARE_FLAGS.filesystem | UNSHARE_FLAGS.mounts);
      mount('none', '/', '', MOUNT_FLAGS.slave | MOUNT_FLAGS.recursive);
    } catch (error) {
      throw new RuntimeUnavailableError(
        'cannot make a mount namespace: inside a container this needs --privileged, or --cap-add SYS_ADMIN with ' +
          '--security-opt seccomp=unconfined and apparmor=unconfined',
        { cause: error },
      );
    }
    this.#entered = true;
  }

  /** A file system in memory, for this process and its containers only. */
  mountMemory(target: string): void {
    const flags = MOUNT_FLAGS.noSuid | MOUNT_FLAGS.noDevices;
    try {
      mount('tmpfs', target, 'tmpfs', flags, 'mode=0711,noswap');
    } catch {
      mount('tmpfs', target, 'tmpfs', flags, 'mode=0711'); // before Linux 6.4, which has noswap
    }
  }

  unmount(target: string): void {
    umount(target, UMOUNT_FLAGS.detach | UMOUNT_FLAGS.noFollow);
  }
}

/**
 * Whether something is mounted below a directory, as this thread sees it.
 * @param table for tests: proc(5), /proc/pid/mountinfo.
 */
export function hasMountsBelow(directory: string, table = ownTable()): boolean {
  return mountsBelow(directory, table).length > 0;
}

/** Where something is mounted below a directory, as this thread sees it: as often as that is so, the last first. */
export function mountsBelow(directory: string, table = ownTable()): string[] {
  const prefix = `${realpathSync(directory).replace(/\/$/, '')}/`;
  return placesIn(table)
    .filter((place) => place.startsWith(prefix) && place !== prefix)
    .reverse();
}

/** Whether something is mounted on a directory, as this thread sees it. */
export function isMountPoint(directory: string, table = ownTable()): boolean {
  return placesIn(table).includes(realpathSync(directory));
}

/** The mount that holds a path, links in which are resolved: where it is, and its optional fields, such as `shared:1`. */
export function placeOf(path: string, table = ownTable()): { place: string; fields: string } {
  let found = { place: '/', fields: '' };
  for (const line of table.split('\n')) {
    const [, , , , shown = '', , ...rest] = line.split(' ');
    const place = unescaped(shown);
    const holds = place === '/' || path === place || path.startsWith(`${place}/`);
    // Of several on one place the last is on top.
    if (shown !== '' && holds && place.length >= found.place.length)
      found = { place, fields: rest.slice(0, rest.indexOf('-')).join(' ') };
  }
  return found;
}

function ownTable(): string {
  return readFileSync('/proc/thread-self/mountinfo', 'utf8');
}

function placesIn(table: string): string[] {
  return table.split('\n').map((line) => unescaped(line.split(' ')[4] ?? ''));
}

/** Blanks, tabs, line feeds and backslashes are octal numbers there. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8)));
}
