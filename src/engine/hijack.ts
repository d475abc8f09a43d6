import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

/** A connection that is no HTTP any more: what the client sends is somebody's input, what it reads their output. */
export type HijackedStream = Readonly<{
  socket: Duplex;
  /** The client's bytes, those that came with the request first; it ends when the client has no more. */
  input: AsyncIterable<Uint8Array>;
}>;

/** Whether a client wants the connection for itself, as `docker attach` does. */
export function wantsUpgrade({ headers }: IncomingMessage): boolean {
  return /\bupgrade\b/i.test(headers.connection ?? '') && /\btcp\b/i.test(headers.upgrade ?? '');
}

/**
 * The body of a request that asks for an upgrade: Node leaves it at the beginning of what comes after the headers.
 * @param head what has come so far. @returns the body, and the input that was sent right after it.
 */
export async function takeBody(
  { headers }: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  maxBytes: number,
): Promise<Readonly<{ body: Buffer; rest: Buffer }>> {
  const length = Number(headers['content-length'] ?? 0);
  if (!(length <= maxBytes)) throw new RangeError(`the body has more than ${maxBytes} bytes`);
  let received = head;
  while (received.length < length) {
    const chunk = await nextChunk(socket);
    if (chunk === undefined) throw new RangeError('the body is shorter than its Content-Length');
    received = Buffer.concat([received, chunk]);
  }
  return { body: received.subarray(0, length), rest: received.subarray(length) };
}

/**
 * Answers 101, and hands the connection over. The client may close its side at once: the other stays open.
 * @param head what has come after the headers and the body.
 */
export function hijack(socket: Duplex, head: Buffer, contentType: string): HijackedStream {
  socket.write(
    `HTTP/1.1 101 UPGRADED\r\nContent-Type: ${contentType}\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n`,
  );
  return { socket, input: inputOf(socket, head) };
}

async function* inputOf(socket: Duplex, head: Buffer): AsyncGenerator<Uint8Array> {
  if (head.length > 0) yield head;
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) yield chunk as Buffer;
}

function nextChunk(socket: Duplex): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const settle = (action: () => void) => {
      socket.off('data', onData).off('end', onEnd).off('error', onError).pause();
      action();
    };
    const onData = (chunk: Buffer) => settle(() => resolve(chunk));
    const onEnd = () => settle(() => resolve(undefined));
    const onError = (error: Error) => settle(() => reject(error));
    socket.on('data', onData).on('end', onEnd).on('error', onError).resume();
  });
}
