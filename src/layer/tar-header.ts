import type { Entry } from './entry.js';
import { LayerError } from './errors.js';
import { isAscii } from './names.js';
import { formatPax, XATTR_KEY } from './pax.js';
import { BLOCK_BYTES, checksumOf, FIELDS, paddingOf, TYPE_FLAGS, USTAR_MAGIC } from './tar-format.js';

const MAX_SMALL_OCTAL = 0o7777777; // of uid, gid, major, minor
const MAX_LARGE_OCTAL = 0o77777777777; // of size and mtime
const NAME_BYTES = FIELDS.name[1];
const PREFIX_BYTES = FIELDS.prefix[1];

/** All that comes before the content of `entry` in a tar; after it come zeros, see `paddingOf`. */
export function entryHeader(entry: Entry): Buffer {
  const header = Buffer.alloc(BLOCK_BYTES);
  writeHeader(header, 0, entry);
  return Buffer.concat([paxBlocks(entry) ?? header.subarray(0, 0), header]);
}

/** What does not fit into a header: the bytes of a pax header before it, with its content; else `undefined`. */
export function paxBlocks(entry: Entry): Buffer | undefined {
  const records = paxRecordsOf(entry);
  if (records.length === 0) return undefined;
  const content = formatPax(records);
  const blocks = Buffer.alloc(BLOCK_BYTES + content.length + paddingOf(content.length));
  const name = `PaxHeaders.0/${entry.path.replace(/^.*\//s, '').replace(/[^ -~]/g, '_')}`;
  const header = {
    path: name.slice(0, NAME_BYTES),
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: content.length,
    mtime: 0,
  };
  writeFields(blocks, 0, header, 'x');
  content.copy(blocks, BLOCK_BYTES);
  return blocks;
}

/** Writes `entry`'s own header of 512 bytes. What {@link paxBlocks} says instead is left out. */
export function writeHeader(target: Buffer, start: number, entry: Entry): void {
  writeFields(target, start, entry, TYPE_FLAGS[entry.type]);
}

type Fields = Pick<Entry, 'path' | 'mode' | 'uid' | 'gid' | 'size' | 'mtime' | 'linkName' | 'device'>;

function writeFields(target: Buffer, start: number, entry: Fields, typeFlag: string): void {
  target.fill(0, start, start + BLOCK_BYTES);
  const path = typeFlag === TYPE_FLAGS.directory ? `${entry.path}/` : entry.path;
  writeName(target, start, path);
  writeOctal(target, start, FIELDS.mode, entry.mode);
  writeOctal(target, start, FIELDS.uid, entry.uid <= MAX_SMALL_OCTAL ? entry.uid : 0);
  writeOctal(target, start, FIELDS.gid, entry.gid <= MAX_SMALL_OCTAL ? entry.gid : 0);
  writeOctal(target, start, FIELDS.size, entry.size <= MAX_LARGE_OCTAL ? entry.size : 0);
  writeOctal(target, start, FIELDS.mtime, fitsMtime(entry.mtime) ? entry.mtime : 0);
  target[start + FIELDS.type[0]] = typeFlag.charCodeAt(0);
  if (entry.linkName !== undefined && fitsLinkName(entry.linkName)) {
    target.write(entry.linkName, start + FIELDS.linkName[0], 'latin1');
  }
  target.write(USTAR_MAGIC, start + FIELDS.magic[0], 'latin1');
  writeOctal(target, start, FIELDS.major, entry.device?.major ?? 0);
  writeOctal(target, start, FIELDS.minor, entry.device?.minor ?? 0);
  writeOctal(target, start, [FIELDS.checksum[0], 7], checksumOf(target, start));
  target[start + FIELDS.checksum[0] + 7] = 0x20;
}

/** A name that does not fit is cut short in the header, for the eyes of those who know no pax. */
function writeName(target: Buffer, start: number, path: string): void {
  const isPlain = isAscii(path);
  const split = isPlain ? splitAt(path) : undefined;
  if (split === undefined) {
    const shown = (isPlain ? path : path.replace(/[^ -~]/g, '_')).slice(0, NAME_BYTES);
    target.write(shown, start + FIELDS.name[0], 'latin1');
    return;
  }
  if (split > 0) target.write(path.slice(0, split), start + FIELDS.prefix[0], 'latin1');
  target.write(split > 0 ? path.slice(split + 1) : path, start + FIELDS.name[0], 'latin1');
}

/** The slash at which an ASCII path is cut into prefix and name: 0 for none needed, `undefined` for none possible. */
function splitAt(path: string): number | undefined {
  if (path.length <= NAME_BYTES) return 0;
  if (path.length > PREFIX_BYTES + 1 + NAME_BYTES) return undefined;
  const slash = path.lastIndexOf('/', Math.min(PREFIX_BYTES, path.length - 2));
  return slash > 0 && path.length - slash - 1 <= NAME_BYTES ? slash : undefined;
}

function writeOctal(
  target: Buffer,
  start: number,
  [offset, length]: readonly [number, number],
  value: number,
): void {
  let at = start + offset + length - 2;
  let rest = value;
  for (; at >= start + offset; at -= 1) {
    target[at] = 0x30 + (rest % 8);
    rest = Math.floor(rest / 8);
  }
}

/** Sorted by key, so that equal entries have equal bytes. */
function paxRecordsOf(entry: Entry): [string, string | Buffer][] {
  const records: [string, string | Buffer][] = [];
  const path = entry.type === 'directory' ? `${entry.path}/` : entry.path;
  if (!isAscii(path) || splitAt(path) === undefined) records.push(['path', path]);
  if (entry.linkName !== undefined && !fitsLinkName(entry.linkName))
    records.push(['linkpath', entry.linkName]);
  if (entry.uid > MAX_SMALL_OCTAL) records.push(['uid', String(entry.uid)]);
  if (entry.gid > MAX_SMALL_OCTAL) records.push(['gid', String(entry.gid)]);
  if (entry.size > MAX_LARGE_OCTAL) records.push(['size', String(entry.size)]);
  if (!fitsMtime(entry.mtime)) records.push(['mtime', String(entry.mtime)]);
  for (const [name, value] of entry.xattrs ?? []) records.push([XATTR_KEY + name, value]);
  if (entry.device !== undefined && Math.max(entry.device.major, entry.device.minor) > MAX_SMALL_OCTAL) {
    throw new LayerError(
      entry.path,
      `a tar cannot hold the device number ${entry.device.major}:${entry.device.minor}`,
    );
  }
  return records.length > 1 ? records.sort(([a], [b]) => (a < b ? -1 : 1)) : records;
}

function fitsMtime(mtime: number): boolean {
  return mtime >= 0 && mtime <= MAX_LARGE_OCTAL;
}

function fitsLinkName(linkName: string): boolean {
  return linkName.length <= FIELDS.linkName[1] && isAscii(linkName);
}
