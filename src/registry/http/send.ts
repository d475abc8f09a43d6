import type { ServerResponse } from 'node:http';
import type { Http2ServerResponse } from 'node:http2';
import type { ByteReader } from '../../storage/index.js';

export type Response = ServerResponse | Http2ServerResponse;

/** RFC 9113 section 7. */
const INTERNAL_ERROR = 0x2;
/** A client that takes nothing for so long is given up. */
const SILENCE_MS = 5 * 60 * 1000;
/** Sizes of buffers, and how many may be out before the next size is handed out: memory stays flat that way. */
const SIZES = [
  { bytes: 768 * 1024, most: 8 },
  { bytes: 128 * 1024, most: 64 },
  { bytes: 64 * 1024, most: Number.POSITIVE_INFINITY },
] as const;
/** Bytes of buffers kept for the next download: all of the largest, which cost most to make. */
const MAX_IDLE_BYTES = 6 * 1024 * 1024;

/**
 * Buffers for downloads. A read stream allocates each chunk anew, which costs more than reading it; here a
 * download takes two, and one is filled while the other is being sent.
 */
export class SendBuffers {
  readonly #idle = new Map<number, Buffer[]>(SIZES.map(({ bytes }) => [bytes, []]));
  #idleBytes = 0;
  #out = 0;

  /** @param wanted bytes that are to be sent in all. */
  take(wanted: number): Buffer {
    this.#out += 1;
    const size = SIZES.find(({ most }) => this.#out <= most)?.bytes ?? SIZES[0].bytes;
    if (wanted < size) return Buffer.allocUnsafeSlow(Math.max(wanted, 1));
    const buffer = this.#idle.get(size)?.pop();
    if (buffer) this.#idleBytes -= size;
    return buffer ?? Buffer.allocUnsafeSlow(size);
  }

  /** @param options `reuse: false` for a buffer that something may still read. */
  giveBack(buffer: Buffer, options: { reuse: boolean }): void {
    this.#out -= 1;
    const idle = this.#idle.get(buffer.length);
    if (!options.reuse || !idle || this.#idleBytes + buffer.length > MAX_IDLE_BYTES) return;
    this.#idleBytes += buffer.length;
    idle.push(buffer);
  }
}

/** The client went away, or stopped reading, before it had everything. */
export class ClientGoneError extends Error {
  override readonly name = 'ClientGoneError';
}

/** @throws {ClientGoneError} as soon as the client has gone: nobody waits for `work` then. */
export async function unlessGone<T>(res: Response, work: Promise<T>): Promise<T> {
  const { promise: gone, reject } = Promise.withResolvers<never>();
  const giveUp = () => reject(new ClientGoneError('the client went away before its answer'));
  if (res.destroyed) giveUp();
  res.once('close', giveUp);
  try {
    return await Promise.race([work, gone]);
  } finally {
    res.off('close', giveUp);
  }
}

/** Half an answer must not look like a whole one. In HTTP/2 the end of a stream does, unless it is said to be an error. */
export function cutOff(res: Response): void {
  if ('stream' in res) res.stream.close(INTERNAL_ERROR);
  else res.destroy();
}

/** Too few bytes after the length was announced: cutting the connection is the only honest answer left. */
class TruncatedFileError extends Error {
  override readonly name = 'TruncatedFileError';

  constructor(missing: number) {
    super(`a stored file is ${missing} bytes shorter than it was`);
  }
}

/**
 * Writes all of a file to a response whose headers are set, without ending it.
 * @throws {ClientGoneError}
 */
export async function sendFile(file: ByteReader, res: Response, buffers: SendBuffers): Promise<void> {
  const giveUp = () => cutOff(res);
  res.setTimeout(SILENCE_MS, giveUp);
  try {
    if (file.take) await sendTaken(file.size, file.take.bind(file), res);
    else await sendRead(file, res, buffers);
  } finally {
    res.setTimeout(0);
    res.off('timeout', giveUp);
  }
}

/** Sends what lies in memory of the reader's own. */
async function sendTaken(size: number, take: () => Promise<Uint8Array>, res: Response): Promise<void> {
  let rest = size;
  for (let piece = await take(); piece.byteLength > 0; piece = await take()) {
    rest -= piece.byteLength;
    await write(res, piece);
  }
  if (rest > 0) throw new TruncatedFileError(rest);
}

/** Reads into two buffers: one is filled while the other one is sent. */
async function sendRead(file: ByteReader, res: Response, buffers: SendBuffers): Promise<void> {
  const first = buffers.take(file.size);
  const pair = [first, file.size <= first.length ? first : buffers.take(file.size)] as const;
  let sending: Promise<void> = Promise.resolve();
  let sent = false;
  try {
    let rest = file.size;
    for (let turn = 0; rest > 0; turn = 1 - turn) {
      const buffer = pair[turn] ?? first;
      if (pair[0] === pair[1]) await sending;
      const count = await file.read(buffer);
      await sending;
      if (count === 0 && rest === Number.POSITIVE_INFINITY) break;
      if (count === 0) throw new TruncatedFileError(rest);
      rest -= count;
      sending = write(res, buffer.subarray(0, count));
      sending.catch(() => {}); // awaited in the next turn
    }
    await sending;
    sent = true;
  } finally {
    await sending.catch(() => {});
    // After a failure the socket may still hold one.
    for (const buffer of new Set(pair)) buffers.giveBack(buffer, { reuse: sent });
  }
}

/** Resolves when the bytes were handed to the system, and the buffer may be filled again. */
function write(res: Response, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const gone = () => reject(new ClientGoneError('the client went away during a download'));
    if (res.destroyed || res.writableEnded) return gone();
    res.once('close', gone);
    const done = (error?: Error | null) => {
      res.off('close', gone);
      if (error) reject(new ClientGoneError('the client went away during a download', { cause: error }));
      else resolve();
    };
    // Both kinds of response take a callback, which their common type does not say.
    (res as ServerResponse).write(bytes, done);
  });
}
