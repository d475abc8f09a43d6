import { TarError } from './errors.js';
import { decodeName, nameBytes } from './names.js';

/** Values are bytes: extended attributes may hold anything. POSIX.1-2001 pax, "pax Extended Header". */
export type PaxRecords = Map<string, Buffer>;

export const XATTR_KEY = 'SCHILY.xattr.';
/** Keys that mean something here. Others are not even remembered: a global header would be copied for each member. */
const KNOWN_KEY = /^(path|linkpath|size|uid|gid|mtime|GNU\.sparse\..+|SCHILY\.xattr\..+)$/s;
const [SPACE, EQUALS, NEWLINE] = [0x20, 0x3d, 0x0a];

/** In the order given. Each record is `<length of the record, itself included> <key>=<value>\n`. */
export function formatPax(records: Iterable<readonly [string, Buffer | string]>): Buffer {
  const parts: Buffer[] = [];
  for (const [key, value] of records) {
    if (key.includes('='))
      throw new TarError(`a pax header cannot hold the key ${JSON.stringify(key)}: it has an equals sign`);
    const body = Buffer.concat([
      Buffer.from(` ${key}=`),
      typeof value === 'string' ? nameBytes(value) : value,
      Buffer.of(NEWLINE),
    ]);
    let total = body.length;
    while (String(total).length + body.length !== total) total = String(total).length + body.length;
    parts.push(Buffer.from(String(total)), body);
  }
  return Buffer.concat(parts);
}

/** A key that comes again replaces the former, but for those of sparse maps, which count by their order. */
export function parsePax(bytes: Buffer): { records: PaxRecords; sparse: [string, string][] } {
  const records: PaxRecords = new Map();
  const sparse: [string, string][] = [];
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(SPACE, at);
    const digits = space < 0 ? '' : bytes.toString('latin1', at, space);
    const end = /^[0-9]{1,9}$/.test(digits) ? at + Number(digits) : -1;
    const equals = bytes.indexOf(EQUALS, space);
    if (end <= space || end > bytes.length || bytes[end - 1] !== NEWLINE || equals < 0 || equals >= end) {
      // Some old writers padded with zeros.
      if (bytes.subarray(at).every((byte) => byte === 0)) break;
      throw new TarError(`a pax header is malformed at byte ${at}`);
    }
    const key = bytes.toString('utf8', space + 1, equals);
    const value = bytes.subarray(equals + 1, end - 1);
    if (key === 'GNU.sparse.offset' || key === 'GNU.sparse.numbytes')
      sparse.push([key, value.toString('latin1')]);
    else if (KNOWN_KEY.test(key)) records.set(key, Buffer.from(value));
    at = end;
  }
  return { records, sparse };
}

export function paxText(records: PaxRecords, key: string): string | undefined {
  const value = records.get(key);
  return value === undefined || value.length === 0 ? undefined : decodeName(value); // empty: as if it were absent
}

/** A decimal number, possibly negative, possibly with a fraction, rounded down. */
export function paxNumber(records: PaxRecords, key: string): number | undefined {
  const text = paxText(records, key);
  if (text === undefined) return undefined;
  const value = Math.floor(Number(text));
  if (!/^-?[0-9]+(\.[0-9]*)?$/.test(text) || !Number.isSafeInteger(value)) {
    throw new TarError(`a pax header has ${key}=${JSON.stringify(text.slice(0, 50))}, which is no number`);
  }
  return value;
}
