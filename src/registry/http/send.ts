import type { ServerResponse } from 'node:http';
import type { Http2ServerResponse } from 'node:http2';
import type { FileReader } from '../../storage/index.js';

export type Response = ServerResponse | Http2ServerResponse;

const BUFFER_BYTES = 1024 * 1024;
/** Buffers kept for the next download. */
const MAX_IDLE_BUFFERS = 8;

/**
 * Pairs of buffers for downloads. A read stream allocates each chunk anew, which costs more than reading it;
 * here one buffer of the pair is filled while the other is being sent.
 */
export class SendBuffers {
  readonly #idle: Buffer[] = [];

  take(wanted: number): Buffer {
    if (wanted < BUFFER_BYTES) return Buffer.allocUnsafeSlow(Math.max(wanted, 1));
    return this.#idle.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES);
  }

  giveBack(buffer: Buffer): void {
    if (buffer.length === BUFFER_BYTES && this.#idle.length < MAX_IDLE_BUFFERS) this.#idle.push(buffer);
  }
}

/** The client went away, or stopped reading, before it had everything. */
export class ClientGoneError extends Error {
  override readonly name = 'ClientGoneError';
}

/**
 * Writes all of a file to a response whose headers are set, without ending it.
 * @throws {ClientGoneError}
 */
export async function sendFile(file: FileReader, res: Response, buffers: SendBuffers): Promise<void> {
  const first = buffers.take(file.size);
  const pair = [first, file.size <= first.length ? first : buffers.take(file.size)] as const;
  let sending: Promise<void> = Promise.resolve();
  try {
    let rest = file.size;
    for (let turn = 0; rest > 0; turn = 1 - turn) {
      const buffer = pair[turn] ?? first;
      if (pair[0] === pair[1]) await sending;
      const count = await file.read(buffer);
      await sending;
      // Too few bytes after the length was announced: cutting the connection is the only honest answer left.
      if (count === 0) throw new Error(`a stored file is ${rest} bytes shorter than it was`);
      rest -= count;
      sending = write(res, buffer.subarray(0, count));
      sending.catch(() => {}); // awaited in the next turn
    }
    await sending;
    for (const buffer of new Set(pair)) buffers.giveBack(buffer);
  } catch (error) {
    // The socket may still hold a buffer: neither goes back.
    await sending.catch(() => {});
    throw error;
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
