import { availableParallelism } from 'node:os';
import { constants, crc32, deflateRaw } from 'node:zlib';
import { looksRandom } from './randomness.js';

const BLOCK_BYTES = 256 * 1024;
/** What deflate can refer back to. */
const DICTIONARY_BYTES = 32 * 1024;
/** As many as libuv's threads, unless the user has set their number. */
const MAX_AT_ONCE = 4;

/** RFC 1952: deflate, no name, no time, of Unix. */
const HEADER = Buffer.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3);

/**
 * One gzip member, whose blocks are compressed side by side. Each is primed with the end of the one before, and ends
 * on a whole byte; joined, they are one deflate stream. Blocks are cut at fixed places, so that the result does not
 * depend on how many are under way. What is compressed already is stored as it is: trying takes ten times as long.
 */
export async function* gzipInParallel(
  source: AsyncIterable<Uint8Array>,
  level: number,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const atOnce = Math.min(MAX_AT_ONCE, availableParallelism()) + 1;
  const underWay: Promise<Buffer>[] = [];
  let [crc, size] = [0, 0];
  let dictionary: Buffer | undefined;
  yield HEADER;
  try {
    for await (const { block, isLast } of blocksOf(source)) {
      signal?.throwIfAborted();
      crc = crc32(block, crc);
      size += block.length;
      const work = deflateBlock(block, { level, dictionary, isLast });
      work.catch(() => {}); // reported where it is awaited
      underWay.push(work);
      dictionary = block.subarray(-DICTIONARY_BYTES);
      const first = underWay.length > atOnce ? underWay.shift() : undefined;
      if (first) yield await first;
    }
    for (const work of underWay) yield await work;
  } finally {
    await Promise.allSettled(underWay);
  }
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc, 0);
  trailer.writeUInt32LE(size % 2 ** 32, 4);
  yield trailer;
}

function deflateBlock(
  block: Buffer,
  { level, dictionary, isLast }: { level: number; dictionary: Buffer | undefined; isLast: boolean },
): Promise<Buffer> {
  const finishFlush = isLast ? constants.Z_FINISH : constants.Z_SYNC_FLUSH;
  const options = {
    level: looksRandom(block) ? 0 : level,
    finishFlush,
    chunkSize: BLOCK_BYTES,
    ...(dictionary && { dictionary }),
  };
  return new Promise((resolve, reject) =>
    deflateRaw(block, options, (error, result) => (error ? reject(error) : resolve(result))),
  );
}

/** Blocks of one size, the last one excepted: copies, since sources may use their chunks' memory again. */
async function* blocksOf(
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<{ block: Buffer; isLast: boolean }> {
  let block = Buffer.allocUnsafe(BLOCK_BYTES);
  let used = 0;
  for await (const chunk of source) {
    for (let at = 0; at < chunk.byteLength; ) {
      if (used === BLOCK_BYTES) {
        yield { block, isLast: false };
        block = Buffer.allocUnsafe(BLOCK_BYTES);
        used = 0;
      }
      const part = chunk.subarray(at, at + BLOCK_BYTES - used);
      block.set(part, used);
      used += part.byteLength;
      at += part.byteLength;
    }
  }
  yield { block: block.subarray(0, used), isLast: true };
}
