/**
 * The few Linux system calls that Node lacks: extended attributes, device nodes, times of symbolic links, mounts, roots,
 * locks, crypt(3), ports that are held, descriptors that are handed on. Called through koffi, which is loaded by the first
 * call and needs no privilege of its own. Paths may be bytes, as with node:fs. Start with libc.ts. And directories, which
 * Node makes badly, and what the kernel tells in files.
 */
export { chroot, fchdir } from './chroot.js';
export { crypt } from './crypt.js';
export { keepOpen } from './descriptors.js';
export { makeDirectories } from './directories.js';
export { canCallLinux, LinuxError, type Path } from './libc.js';
export { flock, tryFlock } from './lock.js';
export { MOUNT_FLAGS, mount, UMOUNT_FLAGS, umount } from './mount.js';
export { deviceNumbers, lutimes, makeDevice, makeFifo, type Time } from './nodes.js';
export { isRunning, processIdentity } from './process-identity.js';
export { hasEnded, processStat } from './process-stat.js';
export { readIfAny } from './read-if-any.js';
export { type SocketProtocol, takePort } from './sockets.js';
export { showUnchanged } from './terminals.js';
export { UNSHARE_FLAGS, unshare } from './unshare.js';
export { lgetxattr, llistxattr, lremovexattr, lsetxattr } from './xattr.js';
