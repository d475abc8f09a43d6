import { call, cString, type Path } from './libc.js';

const MOUNT =
  'int mount(const void *source, const void *target, const void *type, unsigned long flags, const void *data)';
const UMOUNT = 'int umount2(const void *target, int flags)';

/** mount(2). */
export const MOUNT_FLAGS = {
  readOnly: 1,
  noSuid: 2,
  noDevices: 4,
  noExec: 8,
  remount: 32,
  bind: 4096,
  recursive: 16_384,
  unbindable: 1 << 17,
  private: 1 << 18,
  slave: 1 << 19,
  shared: 1 << 20,
} as const;

/** umount(2). */
export const UMOUNT_FLAGS = { force: 1, detach: 2, expire: 4, noFollow: 8 } as const;

/**
 * @param flags of {@link MOUNT_FLAGS}, joined with `|`.
 * @param data options of the filesystem, such as `lowerdir=...`; the kernel takes one page (4,095 bytes).
 */
export function mount(source: Path, target: Path, type: string, flags: number, data = ''): void {
  if (Buffer.byteLength(data) > 4095) {
    throw new RangeError(
      `cannot mount ${String(target)}: its options have ${Buffer.byteLength(data)} bytes, the kernel takes 4095`,
    );
  }
  call(MOUNT, target, [cString(source), cString(target), cString(type), flags, cString(data)]);
}

/** @param flags of {@link UMOUNT_FLAGS}, joined with `|`. */
export function umount(target: Path, flags = 0): void {
  call(UMOUNT, target, [cString(target), flags]);
}
