import { once } from 'node:events';
import type { ZstdCompress } from 'node:zlib';
import { gzipInParallel } from './gzip.js';

export type CompressOptions = Readonly<{
  format: 'gzip' | 'zstd' | 'none';
  /** gzip: 1 to 9; zstd: 1 to 19. */
  level?: number;
  signal?: AbortSignal;
}>;

const DEFAULT_LEVELS = { gzip: 6, zstd: 3 } as const;
const LEVELS = { gzip: [1, 9], zstd: [1, 19] } as const;

/**
 * Compresses a stream. The same bytes, format and level give the same result, however the source was cut into chunks
 * and however many processors there are; another version of zlib may give another.
 */
export async function* compress(
  source: AsyncIterable<Uint8Array>,
  options: CompressOptions,
): AsyncGenerator<Uint8Array> {
  const { format, signal } = options;
  if (format === 'none') {
    for await (const chunk of source) {
      signal?.throwIfAborted();
      yield chunk;
    }
    return;
  }
  const level = options.level ?? DEFAULT_LEVELS[format];
  const [least, most] = LEVELS[format];
  if (!Number.isInteger(level) || level < least || level > most) {
    throw new RangeError(`${format} has no compression level ${level}: choose from ${least} to ${most}`);
  }
  yield* format === 'gzip' ? gzipInParallel(source, level, signal) : zstd(source, level, signal);
}

const CHUNK_BYTES = 256 * 1024;

async function* zstd(
  source: AsyncIterable<Uint8Array>,
  level: number,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const { constants, createZstdCompress } = process.getBuiltinModule('node:zlib');
  const encoder = createZstdCompress({
    chunkSize: CHUNK_BYTES,
    params: { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_checksumFlag]: 1 },
  });
  const feeding = feed(encoder, source, signal);
  feeding.catch((error: Error) => encoder.destroy(error));
  yield* encoder;
  await feeding;
}

/** One write at a time: `end` with writes still waiting would add an empty frame to the stream (nodejs/node#66078). */
async function feed(
  encoder: ZstdCompress,
  source: AsyncIterable<Uint8Array>,
  signal?: AbortSignal,
): Promise<void> {
  for await (const chunk of source) {
    signal?.throwIfAborted();
    if (encoder.destroyed) return;
    await new Promise<void>((resolve, reject) =>
      encoder.write(chunk, (error) => (error ? reject(error) : resolve())),
    );
  }
  encoder.end();
  if (!encoder.writableFinished && !encoder.destroyed) await once(encoder, 'finish');
}
