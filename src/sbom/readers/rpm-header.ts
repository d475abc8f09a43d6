import { UnreadableError } from './reader.js';

/** Tags of rpm's headers. rpm.org, "RPM Tags". */
const TAGS = {
  name: 1000,
  version: 1001,
  release: 1002,
  epoch: 1003,
  summary: 1004,
  vendor: 1011,
  license: 1014,
  homepage: 1020,
  arch: 1022,
  source: 1044,
} as const;

type TagName = keyof typeof TAGS;
/** Text, and the epoch as digits. */
export type RpmHeader = Readonly<Partial<Record<TagName, string>>>;

const NAMES: ReadonlyMap<number, TagName> = new Map(
  (Object.keys(TAGS) as TagName[]).map((name) => [TAGS[name], name]),
);
const ENTRY_BYTES = 16;
const INT32 = 4;
const TEXT_TYPES = [6, 8, 9];
const MAX_ENTRIES = 0x10000;

/** What the database has of one package. rpm.org, "RPM V4 Package format", "Header Structure". */
export function parseRpmHeader(bytes: Buffer): RpmHeader {
  if (bytes.length < 8) throw new UnreadableError('a header of rpm is cut off');
  const [count, size] = [bytes.readUInt32BE(0), bytes.readUInt32BE(4)];
  const data = 8 + count * ENTRY_BYTES;
  if (count > MAX_ENTRIES || data + size > bytes.length)
    throw new UnreadableError('a header of rpm is cut off');
  const store = bytes.subarray(data, data + size);
  const header: Partial<Record<TagName, string>> = {};
  for (let at = 8; at < data; at += ENTRY_BYTES) {
    const name = NAMES.get(bytes.readUInt32BE(at));
    const value = name && valueAt(store, bytes.readUInt32BE(at + 4), bytes.readUInt32BE(at + 8));
    if (name !== undefined && value !== undefined) header[name] = value;
  }
  return header;
}

function valueAt(store: Buffer, type: number, offset: number): string | undefined {
  if (type === INT32) return offset + 4 <= store.length ? String(store.readUInt32BE(offset)) : undefined;
  if (!TEXT_TYPES.includes(type)) return undefined;
  const end = store.indexOf(0, offset);
  return end < 0 ? undefined : store.subarray(offset, end).toString('utf8');
}
