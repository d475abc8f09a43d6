import { type BigIntStats, lstatSync, readdirSync, readlinkSync, type Stats } from 'node:fs';
import { canCallLinux, deviceNumbers, lgetxattr, llistxattr } from '../linux/index.js';
import { type Entry, type EntryType, WHITEOUT_PREFIX } from './entry.js';
import { LayerError } from './errors.js';
import { decodeName, encodeName, sortNames } from './names.js';
import { isOverlayXattr, type OverlayMarks } from './overlay.js';

/** Attributes that layers carry, as buildah's do: capabilities, integrity hashes, the user's own. */
const KEPT_XATTR = /^(security\.(capability|ima)$|user\.)/;
const CAPABILITY = 'security.capability';
/** A capability bound to a user namespace: revision 3, whose last four bytes are the namespace's root. */
const CAPABILITY_V3_BYTES = 24;

/**
 * What a layer says of the file at `file`.
 * @param stats of lstat. @param path in the layer. @returns `undefined` for sockets, which layers cannot hold.
 */
export function entryOf(
  path: string,
  file: string | Buffer,
  stats: Stats,
  options: { xattrs?: boolean } = {},
): Entry | undefined {
  const type = fileType(stats);
  if (type === undefined) return undefined;
  const xattrs = (options.xattrs ?? canCallLinux()) ? keptXattrs(file) : undefined;
  return {
    path,
    type,
    mode: stats.mode & 0o7777,
    uid: stats.uid,
    gid: stats.gid,
    size: type === 'file' ? stats.size : 0,
    mtime: wholeSeconds(file, stats),
    ...(type === 'symlink' && { linkName: decodeName(readlinkSync(file, 'buffer')) }),
    ...((type === 'character' || type === 'block') && { device: deviceNumbers(stats.rdev) }),
    ...(xattrs && { xattrs }),
  };
}

/** Sorted by bytes. */
export function namesIn(directory: string | Buffer): string[] {
  const path = typeof directory === 'string' ? encodeName(directory) : directory;
  const names = readdirSync(path);
  // Node puts U+FFFD for what is no UTF-8.
  const isText = names.every((name) => !name.includes('\ufffd'));
  return sortNames(isText ? names : readdirSync(path, 'buffer').map(decodeName));
}

/** What is in a directory, sorted, without files that are marks. */
export function overlayNames(directory: string, { whiteoutFiles = false }: OverlayMarks): string[] {
  const names = namesIn(directory);
  return whiteoutFiles ? names.filter((name) => !name.startsWith(WHITEOUT_PREFIX)) : names;
}

/** @throws {LayerError} a name that would be taken for a whiteout. */
export function expectNoWhiteout(path: string, name: string): void {
  if (!name.startsWith(WHITEOUT_PREFIX)) return;
  throw new LayerError(
    path,
    `a layer cannot hold a file whose name begins with ${WHITEOUT_PREFIX}: it would delete another`,
  );
}

/** Sorted by name; `undefined` rather than none. */
export function keptXattrs(file: string | Buffer): ReadonlyMap<string, Buffer> | undefined {
  let kept: Map<string, Buffer> | undefined;
  for (const name of llistxattr(file)) {
    if (!KEPT_XATTR.test(name) || isOverlayXattr(name)) continue;
    const value = lgetxattr(file, name);
    if (value === undefined) continue;
    kept ??= new Map();
    kept.set(name, name === CAPABILITY ? withoutNamespace(value) : value);
  }
  return kept;
}

/** Capabilities of a user namespace's root become those of any root: the ids of a layer are the container's. */
function withoutNamespace(value: Buffer): Buffer {
  if (value.length !== CAPABILITY_V3_BYTES || value[3] !== 3) return value;
  const portable = Buffer.from(value.subarray(0, CAPABILITY_V3_BYTES - 4));
  portable[3] = 2;
  return portable;
}

/** @returns `undefined` for sockets, which layers cannot hold. */
export function fileType(stats: Stats | BigIntStats): Exclude<EntryType, 'hardlink'> | undefined {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  if (stats.isSymbolicLink()) return 'symlink';
  if (stats.isCharacterDevice()) return 'character';
  if (stats.isBlockDevice()) return 'block';
  return stats.isFIFO() ? 'fifo' : undefined;
}

/** Rounded down. Milliseconds as a floating-point number may have been rounded up to the next second. */
function wholeSeconds(file: string | Buffer, { mtimeMs }: Stats): number {
  const isExact = mtimeMs % 1000 !== 0;
  if (isExact) return Math.floor(mtimeMs / 1000);
  const { mtimeNs } = lstatSync(file, { bigint: true });
  return Number(mtimeNs / 1_000_000_000n) - (mtimeNs % 1_000_000_000n < 0n ? 1 : 0);
}
