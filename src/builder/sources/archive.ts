import { applyLayer, decompress, detectCompression } from '../../layer/index.js';

const HEADER_BYTES = 512;
const CHECKSUM_AT = 148;
const CHECKSUM_BYTES = 8;

/** Looks at the beginning of a stream without taking it away. */
export async function peek(
  source: AsyncIterable<Uint8Array>,
): Promise<{ start: Buffer; whole: AsyncGenerator<Uint8Array> }> {
  const iterator = source[Symbol.asyncIterator]();
  const read: Uint8Array[] = [];
  let size = 0;
  while (size < HEADER_BYTES) {
    const { done, value } = await iterator.next();
    if (done) break;
    read.push(Uint8Array.from(value));
    size += value.byteLength;
  }
  async function* whole(): AsyncGenerator<Uint8Array> {
    yield* read;
    yield* { [Symbol.asyncIterator]: () => iterator };
  }
  return { start: Buffer.concat(read).subarray(0, HEADER_BYTES), whole: whole() };
}

/** Whether a stream that begins so is a tar, compressed or not. */
export function isArchive(start: Uint8Array): boolean {
  return detectCompression(start) !== 'none' || isTarHeader(start);
}

/** All bytes of a header add up to what is written in it, where that itself counts as blanks. */
function isTarHeader(start: Uint8Array): boolean {
  if (start.length < HEADER_BYTES) return false;
  const written = Buffer.from(start.subarray(CHECKSUM_AT, CHECKSUM_AT + CHECKSUM_BYTES)).toString('latin1');
  const sum = start.reduce(
    (total, byte, index) =>
      total + (index >= CHECKSUM_AT && index < CHECKSUM_AT + CHECKSUM_BYTES ? 0x20 : byte),
    0,
  );
  return /^[ 0-7]+[\0 ]/.test(written) && Number.parseInt(written, 8) === sum;
}

/** Unpacks a tar into an empty directory. Who owns the files, and devices, do not matter in a context. */
export async function unpack(
  source: AsyncIterable<Uint8Array>,
  directory: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  await applyLayer(decompress(source), directory, {
    whiteouts: 'apply',
    ownership: 'ignore',
    devices: 'skip',
    ...(signal && { signal }),
  });
}
