import { call, cString, hasFunction, type Path } from './libc.js';

/** Since the epoch. */
export type Time = Readonly<{ seconds: number; nanoseconds: number }>;

const MKNOD = 'int mknod(const void *path, unsigned int mode, unsigned long dev)';
/** What mknod was before glibc 2.33. */
const XMKNOD = 'int __xmknod(int version, const void *path, unsigned int mode, unsigned long *dev)';
const UTIMENSAT = 'int utimensat(int dirfd, const void *path, const void *times, int flags)';

const FIFO = 0o010000;
const CHARACTER = 0o020000;
const BLOCK = 0o060000;
const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;

/** @param mode with the type's bits. The umask is taken off its permissions. */
function mknod(path: Path, mode: number, major: number, minor: number): void {
  const device = makedev(major, minor);
  if (hasFunction(MKNOD)) {
    call(MKNOD, path, [cString(path), mode, Number(device)]);
    return;
  }
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(device);
  call(XMKNOD, path, [process.arch === 'x64' ? 1 : 0, cString(path), mode, bytes]);
}

export function makeFifo(path: Path, permissions: number): void {
  mknod(path, FIFO | permissions, 0, 0);
}

/** A character device 0:0, overlayfs's mark of a deleted file, needs no privilege (since Linux 5.8). */
export function makeDevice(
  path: Path,
  device: Readonly<{ type: 'character' | 'block'; permissions: number; major: number; minor: number }>,
): void {
  mknod(path, (device.type === 'block' ? BLOCK : CHARACTER) | device.permissions, device.major, device.minor);
}

/** Sets the times of `path` itself, to the nanosecond, where fs.lutimes takes a floating-point number. */
export function lutimes(path: Path, modified: Time, accessed: Time = modified): void {
  const times = Buffer.alloc(32);
  for (const [i, { seconds, nanoseconds }] of [accessed, modified].entries()) {
    times.writeBigInt64LE(BigInt(seconds), i * 16);
    times.writeBigInt64LE(BigInt(nanoseconds), i * 16 + 8);
  }
  call(UTIMENSAT, path, [AT_FDCWD, cString(path), times, AT_SYMLINK_NOFOLLOW]);
}

/** As glibc packs it: gnu_dev_makedev. */
function makedev(major: number, minor: number): bigint {
  const [high, low] = [BigInt(major), BigInt(minor)];
  return (
    ((high & 0xfffff000n) << 32n) | ((high & 0xfffn) << 8n) | ((low & 0xffffff00n) << 12n) | (low & 0xffn)
  );
}

/** The numbers of a device, from `rdev` of its node. */
export function deviceNumbers(rdev: number | bigint): { major: number; minor: number } {
  const device = BigInt(rdev);
  return {
    major: Number(((device >> 8n) & 0xfffn) | ((device >> 32n) & ~0xfffn)),
    minor: Number((device & 0xffn) | ((device >> 12n) & 0xffffff00n)),
  };
}
