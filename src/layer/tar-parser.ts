import type { Entry, EntryType } from './entry.js';
import { TarError } from './errors.js';
import { Header, isZero, numberIn, untilZero } from './header-block.js';
import { type PaxRecords, parsePax, paxNumber, paxText, XATTR_KEY } from './pax.js';
import { gnuSparseMap, oldGnuSparseMap, paxSparseMap, type Segment } from './sparse.js';
import { BLOCK_BYTES, paddingOf } from './tar-format.js';

/** An entry, and how its content lies in the archive. */
export type Member = Readonly<{
  entry: Entry;
  /** Bytes that follow in the archive; zeros up to a whole block come after them. */
  stored: number;
  /** Where the stored bytes belong in a file with holes; absent where stored and content are the same. */
  sparse?: readonly Segment[];
}>;

/** What the parser asks its driver for: so many bytes (fewer only where the archive ends), or to deal with a member. */
export type Request =
  | Readonly<{ kind: 'bytes'; count: number }>
  | Readonly<{ kind: 'member'; member: Member }>;

/** Of a pax header or a long name. The kernel's limits on names and attributes are far below. */
const MAX_EXTENSION_BYTES = 1024 * 1024;
const MAX_PATH_BYTES = 4096;
/** Of all global headers together: they count for each member. */
const MAX_GLOBAL_RECORDS = 100;
/** A leading or trailing slash, an empty part, `.` or `..`. */
const ODD_PATH = /(^|\/)(\.{0,2})(\/|$)/;
const NOTHING: PaxRecords = new Map();

type Pending = { pax: PaxRecords; sparseRecords: [string, string][]; longName?: string; longLink?: string };

/**
 * Reads ustar, pax (local and global), GNU (long names, sparse files, base-256 numbers) and old tars. It reads
 * nothing itself: a driver answers each {@link Request}, bytes with bytes, and a member, once its content has been
 * read or passed over, with nothing.
 * @throws {TarError} garbage, an end before the end, an unknown kind of entry.
 */
export function* parseTar(): Generator<Request, void, Buffer> {
  let global = NOTHING;
  let pending: Pending = { pax: NOTHING, sparseRecords: [] };
  for (;;) {
    const block: Buffer = yield { kind: 'bytes', count: BLOCK_BYTES };
    // The end is two blocks of zeros; one is taken too, and none at all where the last entry was whole.
    if (block.length === 0 || isZero(block)) return;
    const header = new Header(block);
    const type = header.typeFlag;
    if (type === 'x' || type === 'X') {
      const { records, sparse } = parsePax(yield* extension(header));
      pending = { ...pending, pax: records, sparseRecords: sparse };
    } else if (type === 'g') {
      global = new Map([...global, ...parsePax(yield* extension(header)).records]);
      if (global.size > MAX_GLOBAL_RECORDS)
        throw new TarError(`global pax headers have more than ${MAX_GLOBAL_RECORDS} records`);
    } else if (type === 'L') {
      pending.longName = untilZero(yield* extension(header));
    } else if (type === 'K') {
      pending.longLink = untilZero(yield* extension(header));
    } else if (type === 'V' || type === 'M' || type === 'N') {
      if (type !== 'V')
        throw new TarError(`the archive has an entry of type ${type}, a part of several volumes`);
    } else {
      const member = yield* memberOf(header, pending, global);
      if (member) yield { kind: 'member', member };
      pending = { pax: NOTHING, sparseRecords: [] };
    }
  }
}

function* extension(header: Header): Generator<Request, Buffer, Buffer> {
  const size = header.number('size');
  if (size < 0) throw new TarError('an extended header has a negative size');
  if (size > MAX_EXTENSION_BYTES)
    throw new TarError(`an extended header has ${size} bytes, more than the limit of ${MAX_EXTENSION_BYTES}`);
  const bytes = yield* exactly(size + paddingOf(size));
  return bytes.subarray(0, size);
}

function* exactly(count: number): Generator<Request, Buffer, Buffer> {
  if (count === 0) return Buffer.alloc(0);
  const bytes: Buffer = yield { kind: 'bytes', count };
  if (bytes.length < count) throw new TarError('the archive ends within an extended header');
  return bytes;
}

/** @returns `undefined` for the root itself. */
function* memberOf(
  header: Header,
  pending: Pending,
  global: PaxRecords,
): Generator<Request, Member | undefined, Buffer> {
  const pax: PaxRecords = global.size === 0 ? pending.pax : new Map([...global, ...pending.pax]);
  const given = paxText(pax, 'GNU.sparse.name') ?? paxText(pax, 'path') ?? pending.longName ?? header.path();
  const type = typeOf(header, given);
  const path = cleanPath(given);
  let stored = type === 'file' ? (paxNumber(pax, 'size') ?? header.number('size')) : 0;
  if (stored < 0) throw new TarError(`${JSON.stringify(given)} has a negative size`);
  const sparse = yield* sparseOf(header, pax, pending.sparseRecords, stored);
  stored -= sparse?.mapBytes ?? 0;
  if (path === '') return undefined;
  const linkName = paxText(pax, 'linkpath') ?? pending.longLink ?? header.text('linkName');
  const xattrs = xattrsOf(pax);
  const entry: Entry = {
    path,
    type,
    mode: header.number('mode') & 0o7777,
    uid: owner(paxNumber(pax, 'uid') ?? header.number('uid')),
    gid: owner(paxNumber(pax, 'gid') ?? header.number('gid')),
    size: sparse?.size ?? stored,
    mtime: paxNumber(pax, 'mtime') ?? header.number('mtime'),
    ...(type === 'symlink' && { linkName: expectName(linkName) }),
    ...(type === 'hardlink' && { linkName: cleanPath(linkName) }),
    ...((type === 'character' || type === 'block') && {
      device: { major: header.number('major'), minor: header.number('minor') },
    }),
    ...(xattrs && { xattrs }),
  };
  return { entry, stored, ...(sparse && { sparse: sparse.segments }) };
}

type Sparse = Readonly<{ segments: readonly Segment[]; size: number; mapBytes: number }>;

function* sparseOf(
  header: Header,
  pax: PaxRecords,
  records: readonly [string, string][],
  stored: number,
): Generator<Request, Sparse | undefined, Buffer> {
  const inPax = pax.size === 0 ? undefined : paxSparseMap(pax, records, stored);
  if (inPax === 'before-content') return yield* gnuSparseMap(pax, stored);
  if (inPax) return inPax;
  return header.typeFlag === 'S' ? yield* oldGnuSparseMap(header.block, stored, numberIn) : undefined;
}

function typeOf(header: Header, path: string): EntryType {
  switch (header.typeFlag) {
    case '0':
    case '\0':
    case '7': // contiguous: a file
    case 'S': // with holes
      return path.endsWith('/') && header.typeFlag !== 'S' ? 'directory' : 'file';
    case '1':
      return 'hardlink';
    case '2':
      return 'symlink';
    case '3':
      return 'character';
    case '4':
      return 'block';
    case '5':
    case 'D': // of GNU tar --incremental
      return 'directory';
    case '6':
      return 'fifo';
    default:
      throw new TarError(
        `${JSON.stringify(path)} has the type ${JSON.stringify(header.typeFlag)}, which is not known`,
      );
  }
}

/** Without leading, trailing and double slashes and `.` parts. `..` is refused, so that no path leaves the root. */
function cleanPath(path: string): string {
  expectName(path);
  if (!ODD_PATH.test(path)) return path;
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..'))
    throw new TarError(
      `${JSON.stringify(path.slice(0, 200))} has a part "..", which could leave the archive's root`,
    );
  return parts.join('/');
}

/** What Linux could call a file, or have in a link. */
function expectName(name: string): string {
  if (name.length > MAX_PATH_BYTES)
    throw new TarError(`a name has ${name.length} bytes, more than the limit of ${MAX_PATH_BYTES}`);
  if (name.includes('\0')) throw new TarError(`${JSON.stringify(name.slice(0, 200))} contains a zero byte`);
  return name;
}

function owner(id: number): number {
  if (id < 0 || id > 0xffff_ffff) throw new TarError(`an entry has the owner ${id}, which no system has`);
  return id;
}

function xattrsOf(pax: PaxRecords): Map<string, Buffer> | undefined {
  let found: Map<string, Buffer> | undefined;
  for (const [key, value] of pax) {
    if (!key.startsWith(XATTR_KEY)) continue;
    found ??= new Map();
    found.set(expectName(key.slice(XATTR_KEY.length)), value);
  }
  return found;
}
