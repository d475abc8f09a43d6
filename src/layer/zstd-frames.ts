import { isSkippableFrame } from './compression.js';
import { CompressionError } from './errors.js';

/**
 * Cuts zstd data into its frames, passing over those that are not content. Frames must be read in order, and
 * each to its end. RFC 8878 §3.1.
 */
export async function* zstdFrames(
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<AsyncIterable<Uint8Array>> {
  const bytes = new FrameBytes(source);
  for (;;) {
    const magic = await bytes.take(4);
    if (magic.length === 0) return;
    if (isSkippableFrame(magic)) {
      const size = (await bytes.takeAll(4)).readUInt32LE();
      for await (const _ of bytes.pass(size));
    } else if (magic.length === 4 && magic.readUInt32LE() === 0xfd2fb528) {
      yield frame(bytes, magic);
    } else {
      throw new CompressionError('the zstd data is damaged: something follows that is no frame');
    }
  }
}

async function* frame(bytes: FrameBytes, magic: Buffer): AsyncGenerator<Uint8Array> {
  const descriptor = await bytes.takeAll(1);
  const flags = descriptor[0] ?? 0;
  yield Buffer.concat([magic, descriptor, await bytes.takeAll(headerBytes(flags))]);
  for (let isLast = false; !isLast; ) {
    const header = await bytes.takeAll(3);
    const value = header.readUIntLE(0, 3);
    isLast = (value & 1) === 1;
    const isRunLength = ((value >> 1) & 3) === 1;
    // In one piece: each piece is a round through the thread pool. A block has at most 128 KiB.
    yield Buffer.concat([header, await bytes.takeAll(isRunLength ? 1 : value >> 3)]);
  }
  const hasChecksum = (flags & 4) !== 0;
  if (hasChecksum) yield await bytes.takeAll(4);
}

/** What follows the descriptor: window, dictionary, content size. RFC 8878 §3.1.1.1. */
function headerBytes(flags: number): number {
  const isSingleSegment = (flags & 0x20) !== 0;
  const dictionary = [0, 1, 2, 4][flags & 3] ?? 0;
  const contentSize = [isSingleSegment ? 1 : 0, 2, 4, 8][flags >> 6] ?? 0;
  return (isSingleSegment ? 0 : 1) + dictionary + contentSize;
}

class FrameBytes {
  readonly #iterator: AsyncIterator<Uint8Array>;
  #chunk: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#iterator = source[Symbol.asyncIterator]();
  }

  /** Fewer only at the end. */
  async take(count: number): Promise<Buffer> {
    while (this.#chunk.length < count) {
      const { done, value } = await this.#iterator.next();
      if (done) break;
      this.#chunk = this.#chunk.length === 0 ? Buffer.from(value) : Buffer.concat([this.#chunk, value]);
    }
    const taken = this.#chunk.subarray(0, count);
    this.#chunk = this.#chunk.subarray(count);
    return taken;
  }

  async takeAll(count: number): Promise<Buffer> {
    const taken = await this.take(count);
    if (taken.length < count) throw new CompressionError('the zstd data is cut short');
    return taken;
  }

  async *pass(count: number): AsyncGenerator<Uint8Array> {
    for (let missing = count; missing > 0; ) {
      const part = await this.takeAll(Math.min(missing, this.#chunk.length || 1));
      missing -= part.length;
      yield part;
    }
  }
}
