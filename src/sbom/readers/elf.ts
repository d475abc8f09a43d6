/** Bytes `[offset, offset + count)` of a file, fewer at its end. */
export type ReadPart = (offset: number, count: number) => Buffer;

const MAGIC = Buffer.from('\x7fELF', 'latin1');
const HEADER_BYTES = 64;
const MAX_TABLE_BYTES = 4 * 1024 * 1024;
const MAX_NAMES_BYTES = 1024 * 1024;

type Section = Readonly<{ name: number; offset: number; size: number }>;

/** Where a section of a program lies in its file; `undefined` where there is none, or no program. elf(5). */
export function findSection(
  read: ReadPart,
  wanted: string,
): Readonly<{ offset: number; size: number }> | undefined {
  const header = read(0, HEADER_BYTES);
  if (header.length < HEADER_BYTES || !header.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
  const numbers = new Numbers(header);
  const { isWide } = numbers;
  const start = numbers.address(header, isWide ? 0x28 : 0x20);
  const [entryBytes = 0, count = 0, namesIndex = 0] = [0, 2, 4].map((at) =>
    numbers.half(header, (isWide ? 0x3a : 0x2e) + at),
  );
  const needed = isWide ? 64 : 40;
  if (start === 0 || count === 0 || entryBytes * count > MAX_TABLE_BYTES || entryBytes < needed)
    return undefined;
  const table = read(start, entryBytes * count);
  if (table.length < entryBytes * count) return undefined;
  const sections = Array.from({ length: count }, (_, i) =>
    sectionOf(numbers, table.subarray(i * entryBytes, (i + 1) * entryBytes)),
  );
  const strings = sections[namesIndex];
  if (strings === undefined) return undefined;
  const names = read(strings.offset, Math.min(strings.size, MAX_NAMES_BYTES));
  const name = Buffer.from(`${wanted}\0`);
  return sections.find((section) => names.subarray(section.name, section.name + name.length).equals(name));
}

function sectionOf(numbers: Numbers, entry: Buffer): Section {
  const { isWide } = numbers;
  return {
    name: numbers.word(entry, 0),
    offset: numbers.address(entry, isWide ? 0x18 : 0x10),
    size: numbers.address(entry, isWide ? 0x20 : 0x14),
  };
}

/** Of 32 or 64 bits, either end first. */
class Numbers {
  readonly isWide: boolean;
  readonly #isLittle: boolean;

  constructor(header: Buffer) {
    this.isWide = header[4] === 2;
    this.#isLittle = header[5] !== 2;
  }

  half(bytes: Buffer, at: number): number {
    return this.#isLittle ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at);
  }

  word(bytes: Buffer, at: number): number {
    return this.#isLittle ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
  }

  address(bytes: Buffer, at: number): number {
    if (!this.isWide) return this.word(bytes, at);
    return Number(this.#isLittle ? bytes.readBigUInt64LE(at) : bytes.readBigUInt64BE(at));
  }
}
