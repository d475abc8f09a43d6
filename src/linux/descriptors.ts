import { call } from './libc.js';

const FCNTL = 'int fcntl(int fd, int command, int argument)';
const F_SETFD = 2;

/** Leaves a descriptor open for the program that this process becomes: Node closes those that it was started with. */
export function keepOpen(fd: number): void {
  call(FCNTL, `descriptor ${fd}`, [fd, F_SETFD, 0]);
}
