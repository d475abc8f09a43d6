import { TarError } from './errors.js';
import { type PaxRecords, paxNumber, paxText } from './pax.js';
import { BLOCK_BYTES } from './tar-format.js';

/** Content of a file with holes: these bytes are stored, one segment after the other; all others are zeros. */
export type Segment = Readonly<{ offset: number; length: number }>;

type SparseMap = Readonly<{ segments: readonly Segment[]; size: number; mapBytes: number }>;
type Request = Readonly<{ kind: 'bytes'; count: number }>;

const MAX_SEGMENTS = 1_000_000;
/** Of GNU's old format: where its map is in the header, and in the blocks that may follow. */
const OLD_MAP = { header: { offset: 386, count: 4, more: 482 }, block: { offset: 0, count: 21, more: 504 } };
const OLD_REAL_SIZE = 483;
const OLD_NUMBER_BYTES = 12;

/** GNU tar manual, "Storing Sparse Files": versions 0.0 and 0.1 have the map in the pax header, 1.0 before the content. */
export function paxSparseMap(
  pax: PaxRecords,
  records: readonly (readonly [string, string])[],
  stored: number,
): SparseMap | 'before-content' | undefined {
  if (paxText(pax, 'GNU.sparse.major') === '1') return 'before-content';
  const size = paxNumber(pax, 'GNU.sparse.size') ?? paxNumber(pax, 'GNU.sparse.realsize');
  if (size === undefined) return undefined;
  const list = paxText(pax, 'GNU.sparse.map')?.split(',') ?? records.map(([, value]) => value);
  return { segments: segmentsOf(list, size, stored), size, mapBytes: 0 };
}

export function* gnuSparseMap(pax: PaxRecords, stored: number): Generator<Request, SparseMap, Buffer> {
  const size = paxNumber(pax, 'GNU.sparse.realsize') ?? 0;
  const numbers: string[] = [];
  let text = '';
  let mapBytes = 0;
  for (let wanted = 1; numbers.length < wanted; ) {
    const block: Buffer = yield { kind: 'bytes', count: BLOCK_BYTES };
    mapBytes += block.length;
    if (block.length < BLOCK_BYTES || mapBytes > stored) throw new TarError('a sparse map does not end');
    const lines = (text + block.toString('latin1')).split('\n');
    text = lines.pop() ?? '';
    numbers.push(...lines);
    wanted = 1 + 2 * naturalNumber(numbers[0] ?? '0', MAX_SEGMENTS);
  }
  const count = naturalNumber(numbers[0] ?? '', MAX_SEGMENTS);
  return { segments: segmentsOf(numbers.slice(1, 1 + 2 * count), size, stored - mapBytes), size, mapBytes };
}

/** The map's further blocks do not count among the stored bytes. */
export function* oldGnuSparseMap(
  header: Buffer,
  stored: number,
  numberIn: (bytes: Buffer, offset: number, length: number) => number,
): Generator<Request, SparseMap, Buffer> {
  const numbers: string[] = [];
  const size = numberIn(header, OLD_REAL_SIZE, OLD_NUMBER_BYTES);
  let [block, layout] = [header, OLD_MAP.header];
  for (;;) {
    for (let i = 0; i < 2 * layout.count; i += 1) {
      const offset = layout.offset + i * OLD_NUMBER_BYTES;
      if (block[offset] === 0) break;
      numbers.push(String(numberIn(block, offset, OLD_NUMBER_BYTES)));
    }
    if (!block[layout.more]) break;
    block = yield { kind: 'bytes', count: BLOCK_BYTES };
    layout = OLD_MAP.block;
    if (block.length < BLOCK_BYTES || numbers.length > 2 * MAX_SEGMENTS)
      throw new TarError('a sparse map does not end');
  }
  return { segments: segmentsOf(numbers, size, stored), size, mapBytes: 0 };
}

/** @param numbers offset, length, offset, length, and so on. */
function segmentsOf(numbers: readonly string[], size: number, stored: number): Segment[] {
  if (numbers.length % 2 !== 0 || numbers.length > 2 * MAX_SEGMENTS)
    throw new TarError('a sparse map is malformed');
  const segments: Segment[] = [];
  let [end, total] = [0, 0];
  for (let i = 0; i < numbers.length; i += 2) {
    const offset = naturalNumber(numbers[i] ?? '', size);
    const length = naturalNumber(numbers[i + 1] ?? '', size);
    if (offset < end || offset + length > size)
      throw new TarError('a sparse map is not in order, or leaves its file');
    end = offset + length;
    total += length;
    if (length > 0) segments.push({ offset, length });
  }
  if (total !== stored) throw new TarError(`a sparse map has ${total} bytes, but ${stored} are stored`);
  return segments;
}

function naturalNumber(text: string, max: number): number {
  const value = Number(text);
  if (!/^[0-9]+$/.test(text) || value > max)
    throw new TarError(`a sparse map has a wrong number: ${JSON.stringify(text.slice(0, 30))}`);
  return value;
}
