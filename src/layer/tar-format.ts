import type { EntryType } from './entry.js';

/** POSIX.1-1988 "ustar": where the fields of a header are. */
export const BLOCK_BYTES = 512;
export const FIELDS = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  type: [156, 1],
  linkName: [157, 100],
  magic: [257, 8],
  userName: [265, 32],
  groupName: [297, 32],
  major: [329, 8],
  minor: [337, 8],
  prefix: [345, 155],
} as const satisfies Record<string, readonly [offset: number, length: number]>;

export const USTAR_MAGIC = 'ustar\x0000';
/** Of GNU tar, whose headers have no prefix, but times and sparse maps in its place. */
export const GNU_MAGIC = 'ustar  \0';

export const TYPE_FLAGS: Readonly<Record<EntryType, string>> = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  character: '3',
  block: '4',
  directory: '5',
  fifo: '6',
};

/** The sum of the header's bytes, with its own field as spaces. */
export function checksumOf(block: Uint8Array, start: number): number {
  let sum = 8 * 0x20;
  for (let i = start; i < start + 148; i += 1) sum += block[i] ?? 0;
  for (let i = start + 156; i < start + BLOCK_BYTES; i += 1) sum += block[i] ?? 0;
  return sum;
}

/** How many zeros follow content of `size` bytes. */
export function paddingOf(size: number): number {
  return (BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES;
}
