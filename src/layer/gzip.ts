import { availableParallelism } from 'node:os';
import { looksRandom } from './randomness.js';
import { storedBytes, writeStored } from './stored-blocks.js';

const BLOCK_BYTES = 256 * 1024;
/** What deflate can refer back to. */
const DICTIONARY_BYTES = 32 * 1024;
/** As many as libuv's threads, unless the user has set their number. */
const MAX_AT_ONCE = 4;

/** Loaded when something is compressed: many commands never do. */
const zlib = () => process.getBuiltinModule('node:zlib');

/** RFC 1952: deflate, no name, no time, of Unix. */
const HEADER = Buffer.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3);

/**
 * One gzip member, whose blocks are compressed side by side. Each is primed with the end of the one before, and ends
 * on a whole byte; joined, they are one deflate stream. Blocks are cut at fixed places, so that the result does not
 * depend on how many are under way. What is compressed already is stored as it is, and zlib never sees it.
 */
export async function* gzipInParallel(
  source: AsyncIterable<Uint8Array>,
  level: number,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const atOnce = Math.min(MAX_AT_ONCE, availableParallelism()) + 1;
  const underWay: Promise<Buffer>[] = [];
  const inUse: Buffer[] = [];
  const spares: Buffer[] = [];
  const { crc32 } = zlib();
  let [crc, size] = [0, 0];
  let dictionary: Buffer | undefined;
  yield HEADER;
  try {
    for await (const { block, isLast } of blocksOf(source, spares)) {
      signal?.throwIfAborted();
      crc = crc32(block, crc);
      size += block.length;
      const work = looksRandom(block)
        ? Promise.resolve(storeBlock(block, { isLast }))
        : deflateBlock(block, { level, dictionary, isLast });
      work.catch(() => {}); // reported where it is awaited
      underWay.push(work);
      inUse.push(block);
      dictionary = block.subarray(-DICTIONARY_BYTES);
      const first = underWay.length > atOnce ? underWay.shift() : undefined;
      if (first) yield await first;
      // All but those under way, and the one before them, which is the dictionary of the first.
      if (inUse.length > underWay.length + 1) spares.push(...inUse.splice(0, 1));
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
  const { constants, deflateRaw } = zlib();
  const finishFlush = isLast ? constants.Z_FINISH : constants.Z_SYNC_FLUSH;
  const options = {
    level,
    finishFlush,
    chunkSize: BLOCK_BYTES,
    ...(dictionary && { dictionary }),
  };
  return new Promise((resolve, reject) =>
    deflateRaw(block, options, (error, result) => (error ? reject(error) : resolve(result))),
  );
}

function storeBlock(block: Buffer, { isLast }: { isLast: boolean }): Buffer {
  const stored = Buffer.allocUnsafeSlow(storedBytes(block.length));
  writeStored(block, stored, { isLast });
  return stored;
}

/**
 * Blocks of one size, the last one excepted: copies, since sources may use their chunks' memory again.
 * @param spares blocks that nobody needs any more are used before new ones are made.
 */
async function* blocksOf(
  source: AsyncIterable<Uint8Array>,
  spares: Buffer[],
): AsyncGenerator<{ block: Buffer; isLast: boolean }> {
  const make = () => spares.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES);
  let block = make();
  let used = 0;
  for await (const chunk of source) {
    for (let at = 0; at < chunk.byteLength; ) {
      if (used === BLOCK_BYTES) {
        yield { block, isLast: false };
        block = make();
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
