import { once } from 'node:events';
import type { Agent, ClientRequest, IncomingMessage } from 'node:http';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { endWith } from '../../proxy/index.js';
import { HttpAnswer } from './answer.js';
import { SilenceError, SilenceWatch } from './silence.js';

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** Bytes to send, opened again for each attempt. */
export type OutgoingBody = Readonly<{ bytes: number; open: () => Promise<AsyncIterable<Uint8Array>> }>;

export type HttpRequest = Readonly<{
  method: Method;
  url: URL;
  headers?: Readonly<Record<string, string>>;
  body?: OutgoingBody;
  signal?: AbortSignal | undefined;
  /** How long the answer may take once everything is sent, where that is longer than usual. */
  answerMs?: number;
}>;

export type ExchangeOptions = Readonly<{ agent: Agent; silenceMs: number }>;

/** What was to be sent could not be read, or is not what was promised. Trying again does not help. */
export class SourceError extends Error {
  override readonly name = 'SourceError';
}

/** The registry had closed the connection that was kept: nothing is wrong with the request. */
export class StaleConnectionError extends Error {
  override readonly name = 'StaleConnectionError';
}

const MAX_CONNECT_MS = 30_000;

/**
 * One request and the head of its answer, whatever its status; no redirects. An answer that comes before all is sent
 * ends the sending.
 * @throws {SourceError} its cause is why the body could not be read. @throws {StaleConnectionError}
 * @throws {Error} of node:http or node:tls.
 */
export async function exchange(
  request: HttpRequest,
  { agent, silenceMs }: ExchangeOptions,
): Promise<HttpAnswer> {
  const { method, url, headers = {}, body, signal } = request;
  signal?.throwIfAborted();
  const outgoing = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, {
    method,
    agent,
    headers: {
      ...headers,
      ...(body === undefined ? emptyBodyHeaders(method) : { 'content-length': body.bytes }),
    },
  });
  if (signal !== undefined) endWith(signal, outgoing);
  let incoming: IncomingMessage | undefined;
  const silence = new SilenceWatch(silenceMs, (error) => (incoming ?? outgoing).destroy(error));
  const patience = new SilenceWatch(request.answerMs ?? silenceMs, (error) => outgoing.destroy(error));
  limitConnecting(outgoing);
  outgoing.on('error', () => {}); // told by what is awaited
  outgoing.once('response', (message) => {
    incoming = message;
  });
  try {
    const answered = once(outgoing, 'response');
    answered.catch(() => {}); // awaited below
    if (body !== undefined)
      await sendBody(outgoing, body, { silence, answered: () => incoming !== undefined });
    else outgoing.end();
    patience.wait('the registry did not answer');
    await answered;
  } catch (error) {
    silence[Symbol.dispose]();
    outgoing.destroy();
    signal?.throwIfAborted();
    if (outgoing.reusedSocket && incoming === undefined && isClosing(error)) {
      throw new StaleConnectionError('the connection was closed', { cause: error });
    }
    throw error;
  } finally {
    patience[Symbol.dispose]();
  }
  if (incoming === undefined) throw new Error('no answer'); // cannot be: the event carried it
  return new HttpAnswer(incoming, { url, outgoing, silence, signal });
}

function isClosing(error: unknown): boolean {
  return ['ECONNRESET', 'EPIPE'].includes((error as NodeJS.ErrnoException).code ?? '');
}

/** Writes at the pace of the connection. Ends early, and quietly, when the answer is there or the connection is not. */
async function sendBody(
  outgoing: ClientRequest,
  body: OutgoingBody,
  { silence, answered }: { silence: SilenceWatch; answered: () => boolean },
): Promise<void> {
  let sent = 0;
  for await (const chunk of readSource(body)) {
    if (answered() || outgoing.destroyed) return;
    sent += chunk.length;
    if (sent > body.bytes) throw new SourceError(`there are more than the expected ${body.bytes} bytes`);
    if (outgoing.write(chunk)) continue;
    silence.wait('the registry took nothing');
    await writable(outgoing);
    silence.pause();
  }
  if (answered() || outgoing.destroyed) return;
  if (sent < body.bytes) throw new SourceError(`there are only ${sent} of the expected ${body.bytes} bytes`);
  outgoing.end();
}

/** Failures of the source are kept apart from those of the connection. */
async function* readSource({ open }: OutgoingBody): AsyncGenerator<Uint8Array> {
  try {
    yield* await open();
  } catch (error) {
    throw new SourceError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

function writable(outgoing: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    const events = ['drain', 'response', 'error', 'close'] as const;
    const done = () => {
      for (const event of events) outgoing.off(event, done);
      resolve();
    };
    for (const event of events) outgoing.on(event, done);
  });
}

/** Node would choose chunked encoding for some methods; registries want to be told that there is nothing. */
function emptyBodyHeaders(method: Method): Record<string, number> {
  return method === 'GET' || method === 'HEAD' || method === 'DELETE' ? {} : { 'content-length': 0 };
}

function limitConnecting(outgoing: ClientRequest): void {
  outgoing.once('socket', (socket) => {
    if (!socket.connecting) return;
    const timer = setTimeout(
      () => outgoing.destroy(new SilenceError('the connection was not made', MAX_CONNECT_MS)),
      MAX_CONNECT_MS,
    );
    const clear = () => clearTimeout(timer);
    socket.once('connect', clear).once('close', clear);
  });
}
