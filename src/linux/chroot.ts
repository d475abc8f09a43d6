import { call, cString, type Path } from './libc.js';

const CHROOT = 'int chroot(const void *path)';
const FCHDIR = 'int fchdir(int fd)';

/** Makes a directory the root of this process, all threads of it: no path leads out any more. chroot(2). */
export function chroot(path: Path): void {
  call(CHROOT, path, [cString(path)]);
}

/** Makes an open directory the current one, wherever it is. */
export function fchdir(fd: number): void {
  call(FCHDIR, `descriptor ${fd}`, [fd]);
}
