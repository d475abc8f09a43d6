import http from 'node:http';
import https from 'node:https';
import { Readable } from 'node:stream';
import { Answer } from './answer.ts';

const ANSWER_WITHIN_MS = 15_000;
/** RFC 9110 section 10.1.1: a client should not wait for 100 Continue for ever. Curl gives it one second. */
const CONTINUE_WITHIN_MS = 1500;

export type Body = Uint8Array | string | AsyncIterable<Uint8Array>;

export type Exchange = Readonly<{
  method: string;
  url: URL;
  /** The request target as it goes on the wire, where a URL would tidy it up. Default: that of `url`. */
  target?: string | undefined;
  headers?: Readonly<Record<string, string | string[]>> | undefined;
  body?: Body | undefined;
  /** Sends the body with `Transfer-Encoding: chunked` and without a length. */
  chunked?: boolean | undefined;
  /** Sends `Expect: 100-continue` and keeps the body back until the server wants it. */
  expectContinue?: boolean | undefined;
  agent: http.Agent;
}>;

/** @returns an agent that keeps its connections, for http or https as the URL says. */
export function agentFor(url: URL, tls: { ca: string | undefined; insecure: boolean }): http.Agent {
  const options = { keepAlive: true, maxSockets: 8 };
  if (url.protocol === 'http:') return new http.Agent(options);
  return new https.Agent({
    ...options,
    rejectUnauthorized: !tls.insecure,
    ...(tls.ca ? { ca: tls.ca } : {}),
  });
}

/** Sends one request and reads the whole answer. @throws {Error} no complete answer came. */
export async function exchange(request: Exchange): Promise<Answer> {
  const answer = await attempt(request);
  // A server may close an idle connection just when we use it again: RFC 9112 section 9.3.1 lets us repeat.
  return answer === 'stale connection' ? attemptAgain(request) : answer;
}

async function attemptAgain(request: Exchange): Promise<Answer> {
  const answer = await attempt(request);
  if (answer === 'stale connection')
    throw new Error(`${request.method} ${request.url.pathname}: connection reset twice`);
  return answer;
}

function attempt(request: Exchange): Promise<Answer | 'stale connection'> {
  const { method, url } = request;
  return new Promise((resolve, reject) => {
    const outgoing = openRequest(request);
    const fail = (why: string, cause?: unknown) =>
      reject(new Error(`${method} ${url.pathname}: ${why}`, { cause }));
    const timer = setTimeout(() => {
      fail(`no complete answer within ${ANSWER_WITHIN_MS / 1000} s`);
      outgoing.destroy();
    }, ANSWER_WITHIN_MS);
    let continued = false;
    let bodySent = false;
    let answered = false;
    const send = () => {
      if (!bodySent && !answered) sendBody(outgoing, request);
      bodySent = true;
    };
    outgoing.on('continue', () => {
      continued = true;
      send();
    });
    outgoing.on('response', (incoming) => {
      answered = true;
      readAnswer(incoming, { method, url, continued, bodySent })
        .then(resolve, (error: unknown) => fail(messageOf(error), error))
        .finally(() => clearTimeout(timer));
      // A refusal that came instead of 100 Continue: the body is never sent, so the connection is of no use.
      if (!bodySent) incoming.on('close', () => outgoing.destroy());
    });
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      // Once the status is here, what happens to the rest of our body does not matter.
      if (answered) return;
      clearTimeout(timer);
      const stale = outgoing.reusedSocket && error.code === 'ECONNRESET' && isReplayable(request.body);
      if (stale) resolve('stale connection');
      else fail(`no answer: ${error.message}`, error);
    });
    if (request.expectContinue) setTimeout(send, CONTINUE_WITHIN_MS).unref();
    else send();
  });
}

function openRequest(request: Exchange): http.ClientRequest {
  const { url } = request;
  const outgoing = (url.protocol === 'https:' ? https : http).request({
    method: request.method,
    // A bracketed IPv6 address is URL syntax; sockets want it bare.
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? undefined : Number(url.port),
    path: request.target ?? `${url.pathname}${url.search}`,
    headers: { Host: url.host, ...framing(request), ...request.headers },
    agent: request.agent,
  });
  if (request.expectContinue) outgoing.flushHeaders();
  return outgoing;
}

function framing(request: Exchange): Record<string, string> {
  const expect: Record<string, string> = request.expectContinue ? { Expect: '100-continue' } : {};
  const body = request.body;
  if (request.chunked || !isReplayable(body)) return { ...expect, 'Transfer-Encoding': 'chunked' };
  const hasLength = body !== undefined || ['POST', 'PUT', 'PATCH'].includes(request.method);
  return hasLength ? { ...expect, 'Content-Length': String(Buffer.byteLength(body ?? '')) } : expect;
}

function sendBody(outgoing: http.ClientRequest, { body }: Exchange): void {
  if (isReplayable(body)) outgoing.end(body);
  else Readable.from(body).pipe(outgoing);
}

/** Whether the body can be sent a second time. */
export function isReplayable(body: Body | undefined): body is Uint8Array | string | undefined {
  return body === undefined || typeof body === 'string' || body instanceof Uint8Array;
}

async function readAnswer(
  incoming: http.IncomingMessage,
  request: Pick<Answer, 'method' | 'url' | 'continued' | 'bodySent'>,
): Promise<Answer> {
  const status = incoming.statusCode ?? 0;
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
  } catch (error) {
    const got = Buffer.concat(chunks).length;
    const promised = incoming.headers['content-length'] ?? 'unknown';
    throw new Error(`answer ${status} broke off after ${got} bytes, Content-Length ${promised}`, {
      cause: error,
    });
  }
  return new Answer({
    ...request,
    status,
    headers: incoming.headers,
    rawHeaders: incoming.rawHeaders,
    body: Buffer.concat(chunks),
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
