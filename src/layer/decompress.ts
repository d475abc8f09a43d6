import type { Duplex } from 'node:stream';
import { type Compression, detectCompression, MAGIC_BYTES } from './compression.js';
import { CompressionError } from './errors.js';
import { unpackWithProgram } from './unpack-program.js';
import { zstdFrames } from './zstd-frames.js';

export type DecompressOptions = Readonly<{
  /** The most bytes to unpack: against a few bytes that fill the disk. */
  maxBytes?: number;
  /** `auto` looks at the first bytes. */
  compression?: Compression | 'auto';
  signal?: AbortSignal;
}>;

/** More than any layer that registries take. */
const MAX_UNPACKED_BYTES = 256 * 1024 ** 3;
type Decoder = Duplex & AsyncIterable<Uint8Array>;

const CHUNK_BYTES = 256 * 1024;

/**
 * Unpacks gzip (of one member or many), zstd (of one frame or many), bzip2 and xz (by the programs of these names),
 * and passes on what is not compressed.
 * @throws {CompressionError} damaged, cut short, larger than `maxBytes`, or there is no program for it.
 */
export async function* decompress(
  source: AsyncIterable<Uint8Array>,
  { maxBytes = MAX_UNPACKED_BYTES, compression = 'auto', signal }: DecompressOptions = {},
): AsyncGenerator<Uint8Array> {
  const iterator = source[Symbol.asyncIterator]();
  try {
    const head = await firstBytes(iterator);
    const format = compression === 'auto' ? detectCompression(head) : compression;
    let size = 0;
    for await (const chunk of unpack(rejoined(head, iterator), format, signal)) {
      size += chunk.byteLength;
      if (size > maxBytes) {
        throw new CompressionError(`the ${format} data unpacks to more than the limit of ${maxBytes} bytes`);
      }
      yield chunk;
    }
  } finally {
    await iterator.return?.();
  }
}

function unpack(
  source: AsyncIterable<Uint8Array>,
  format: Compression,
  signal?: AbortSignal,
): AsyncIterable<Uint8Array> {
  switch (format) {
    case 'none':
      return source;
    case 'gzip':
      return gunzip(source, signal);
    case 'zstd':
      return unzstd(source, signal);
    case 'bzip2':
    case 'xz':
      return unpackWithProgram(source, format, signal);
  }
}

async function* gunzip(source: AsyncIterable<Uint8Array>, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  const { createGunzip } = process.getBuiltinModule('node:zlib');
  yield* throughStream(source, 'gzip', () => createGunzip({ chunkSize: CHUNK_BYTES }), signal);
}

/** Node's decoder stops after the first frame (seen on 24), so each frame has a decoder of its own. */
async function* unzstd(source: AsyncIterable<Uint8Array>, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  const { createZstdDecompress } = process.getBuiltinModule('node:zlib');
  for await (const frame of zstdFrames(source)) {
    yield* throughStream(frame, 'zstd', () => createZstdDecompress({ chunkSize: CHUNK_BYTES }), signal);
  }
}

async function* throughStream(
  source: AsyncIterable<Uint8Array>,
  format: Compression,
  decoderFor: () => Decoder,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const decoder = decoderFor();
  let sourceFailure: { error: unknown } | undefined;
  let isLeft = false;
  const feeding = feed(decoder, source, () => isLeft, signal).catch((error: Error) => {
    sourceFailure = { error };
    decoder.destroy(error);
  });
  try {
    yield* decoder;
    await feeding;
  } catch (error) {
    if (sourceFailure) throw sourceFailure.error;
    throw new CompressionError(`the ${format} data is damaged or cut short: ${messageOf(error)}`, {
      cause: error,
    });
  } finally {
    isLeft = true;
    decoder.destroy();
  }
  if (sourceFailure) throw sourceFailure.error;
}

/** Fails only as `source` does. A decoder that has come to its end is given no more, but `source` is read to its own. */
async function feed(
  decoder: Decoder,
  source: AsyncIterable<Uint8Array>,
  isLeft: () => boolean,
  signal?: AbortSignal,
): Promise<void> {
  const closed = new Promise<void>((resolve) => decoder.once('close', () => resolve()));
  for await (const chunk of source) {
    signal?.throwIfAborted();
    if (isLeft()) return;
    if (decoder.destroyed) continue;
    const written = new Promise<void>((resolve) => decoder.write(chunk, () => resolve()));
    await Promise.race([written, closed]);
  }
  if (!decoder.destroyed) decoder.end();
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function firstBytes(iterator: AsyncIterator<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for (let bytes = 0; bytes < MAGIC_BYTES; ) {
    const { done, value } = await iterator.next();
    if (done) break;
    parts.push(Buffer.from(value));
    bytes += value.byteLength;
  }
  return Buffer.concat(parts);
}

async function* rejoined(head: Buffer, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  if (head.length > 0) yield head;
  for (let step = await rest.next(); !step.done; step = await rest.next()) yield step.value;
}
