import type { ByteRange } from '../../storage/index.js';

/** As many as podman asks for at once, with room. */
const MAX_RANGES = 2048;

export type RequestedRanges = 'all' | 'unsatisfiable' | readonly [ByteRange, ...ByteRange[]];

/**
 * Which bytes of a blob a `Range` header asks for. RFC 9110 section 14.
 * @returns in the order asked, cut at `size`; `all` when the header is absent or not understood.
 */
export function parseRanges(header: string | undefined, size: number): RequestedRanges {
  const specs = /^bytes=(.+)$/i.exec(header?.trim() ?? '')?.[1]?.split(',');
  if (specs === undefined || specs.length > MAX_RANGES) return 'all';
  const ranges: ByteRange[] = [];
  for (const spec of specs) {
    const match = /^\s*(\d*)-(\d*)\s*$/.exec(spec);
    if (match === null || match[0].trim() === '-') return 'unsatisfiable';
    const range = resolveRange(match[1] ?? '', match[2] ?? '', size);
    if (range === 'invalid') return 'unsatisfiable';
    if (range !== undefined) ranges.push(range);
  }
  const [first, ...rest] = ranges;
  if (first === undefined) return 'unsatisfiable';
  // Overlapping ranges that add up to more than the blob are an attack or a mistake; the whole serves both.
  const total = ranges.reduce((sum, { start, end }) => sum + end - start, 0);
  return rest.length > 0 && total > size ? 'all' : [first, ...rest];
}

/** @returns `undefined` when the range lies behind the end: others of the same header may still do. */
function resolveRange(first: string, last: string, size: number): ByteRange | 'invalid' | undefined {
  if (first === '') {
    const length = Math.min(Number(last), size);
    return length > 0 ? { start: size - length, end: size } : undefined;
  }
  const start = Number(first);
  const end = last === '' ? size : Math.min(Number(last) + 1, size);
  if (last !== '' && Number(last) < start) return 'invalid';
  return start < size ? { start, end } : undefined;
}

const UPLOAD_RANGE = /^(?:bytes[ =])?(\d+)-(\d+)(?:\/(?:\d+|\*))?$/;

/**
 * The `Content-Range` of an upload's chunk: `<start>-<end>`, inclusive, without a unit, though some send one.
 * distribution-spec spec.md, "Pushing a blob in chunks".
 * @returns `undefined` when it is no such range.
 */
export function parseUploadRange(header: string): ByteRange | undefined {
  const [, start, last] = UPLOAD_RANGE.exec(header.trim()) ?? [];
  if (start === undefined || last === undefined || Number(last) < Number(start)) return undefined;
  return { start: Number(start), end: Number(last) + 1 };
}
