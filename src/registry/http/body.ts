import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import type { Context } from 'koa';
import { InterruptedBodyError } from '../../content/index.js';
import { HttpError } from './errors.js';
import type { Response } from './send.js';

/** A body that stays silent this long is given up; one that trickles may take as long as it likes. */
const SILENCE_MS = 5 * 60 * 1000;
/** What of a refused body is still read, so that the client gets to see the answer. */
const MAX_DRAINED_BYTES = 64 * 1024 * 1024;

type Request = IncomingMessage | Http2ServerRequest;

/** Bytes that the client says it will send; `undefined` when it does not say. */
export function bodyLength(ctx: Context): number | undefined {
  const header = ctx.get('Content-Length');
  return header === '' ? undefined : Number(header);
}

/** Whether any body can follow at all. */
export function mayHaveBody(ctx: Context): boolean {
  if (ctx.req.httpVersionMajor >= 2)
    return !(ctx.req as unknown as Http2ServerRequest).stream.endAfterHeaders;
  return (bodyLength(ctx) ?? 0) > 0 || ctx.get('Transfer-Encoding') !== '';
}

/**
 * The bytes of a request, asked for only now: a client that sent `Expect: 100-continue` is told to go on.
 * @throws {InterruptedBodyError} the client went away, or fell silent.
 */
export async function* readBody(ctx: Context): AsyncGenerator<Uint8Array> {
  const req: Request = ctx.req;
  askToContinue(ctx);
  const stop = () => req.destroy(new InterruptedBodyError(`no byte came for ${SILENCE_MS / 60_000} minutes`));
  req.setTimeout(SILENCE_MS, stop);
  try {
    // Whoever stops reading early still has an answer to send over the same connection.
    yield* (req as IncomingMessage).iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
    // Over HTTP/2 a stream that was reset ends like one that is complete.
    if (wasReset(req)) throw new InterruptedBodyError('the body ended early');
  } catch (error) {
    if (error instanceof InterruptedBodyError) throw error;
    throw new InterruptedBodyError('the body ended early', { cause: error });
  } finally {
    req.setTimeout(0);
  }
}

/**
 * A small body as a whole.
 * @throws {HttpError} 413 when it is longer than `maxBytes`.
 */
export async function readWhole(ctx: Context, maxBytes: number, what: string): Promise<Buffer> {
  const tooLong = () =>
    new HttpError(413, 'SIZE_INVALID', `a ${what} may have at most ${maxBytes} bytes`, {
      detail: { maxBytes },
    });
  if ((bodyLength(ctx) ?? 0) > maxBytes) throw tooLong();
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of readBody(ctx)) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) throw tooLong();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, bytes);
}

/**
 * Reads on for a while what a refused client is still sending: closing at once would reset the connection,
 * and the client would report that instead of the reason. RFC 9112 section 9.6.
 */
export function drainBody(req: Request, res: Response): void {
  if (req.readableEnded || req.destroyed) return;
  let bytes = 0;
  req.on('error', () => {});
  req.on('data', (chunk: Uint8Array) => {
    bytes += chunk.byteLength;
    if (bytes > MAX_DRAINED_BYTES) req.destroy();
  });
  req.resume();
  res.once('close', () => req.removeAllListeners('data'));
}

function wasReset(req: Request): boolean {
  if (!('stream' in req)) return req.aborted;
  return req.stream.aborted || req.stream.rstCode !== 0;
}

function askToContinue(ctx: Context): void {
  if (ctx.req.headers.expect?.toLowerCase() !== '100-continue' || ctx.req.httpVersion === '1.0') return;
  (ctx.res as ServerResponse).writeContinue();
}
