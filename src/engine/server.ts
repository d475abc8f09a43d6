import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';
import type { Socket } from 'node:net';
import { arch, platform, release } from 'node:os';
import type { Duplex } from 'node:stream';
import type { EngineCall } from './call.js';
import { sendJson } from './call.js';
import { HANDLERS, HIJACK_HANDLERS } from './dispatch.js';
import type { Engine } from './engine.js';
import { EngineError } from './errors.js';
import { findFailure } from './failure.js';
import { wantsUpgrade } from './hijack.js';
import { JsonStream } from './json-stream.js';
import { API_VERSION, type EngineRequest, parseRequest } from './request.js';

/** Logins for many registries come in one header. */
const MAX_HEADER_BYTES = 256 * 1024;
const HEADERS_MS = 60_000;
/** For a client to close its side of a connection that it had for itself. */
const CLOSE_MS = 5000;

/** The Engine API on any number of sockets. It does not listen by itself: see {@link newServer}. */
export class EngineServer {
  readonly #engine: Engine;
  readonly #servers: Server[] = [];
  readonly #stopping = new AbortController();
  readonly #cut = new AbortController();
  readonly #underWay = new Set<Promise<void>>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** A server of HTTP for one socket; whoever asked for it makes it listen. */
  newServer(): Server {
    const options = {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: HEADERS_MS,
      requestTimeout: 0, // a tar may take its time
      keepAliveTimeout: 0, // as dockerd: one that is busy would cut off clients whose next request it has not read yet
      requireHostHeader: false,
      // What clients of BuildKit ask for in this way is answered as any other request: there is no such thing.
      shouldUpgradeCallback: isHijack,
    };
    const server = createServer(options, (message, answer) => this.#accept(message, answer));
    server.on('upgrade', (message: IncomingMessage, socket: Duplex, head: Buffer) =>
      this.#track(this.#hijack(message, socket, head)),
    );
    this.#servers.push(server);
    return server;
  }

  /** Takes no new requests, lets those under way finish for `drainMs`, then cuts them off. @returns how many were cut. */
  async close(drainMs: number): Promise<number> {
    const closed = this.#servers.map(
      (server) => new Promise<void>((resolve) => server.close(() => resolve())),
    );
    this.#stopping.abort();
    for (const server of this.#servers) server.closeIdleConnections();
    let count = 0;
    const cut = setTimeout(() => {
      count = this.#underWay.size;
      this.#cut.abort(new EngineError(503, 'the engine is stopping'));
      setTimeout(() => this.#closeAll(), 1000).unref();
    }, drainMs);
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay);
    clearTimeout(cut);
    this.#closeAll();
    await Promise.all(closed);
    return count;
  }

  #closeAll(): void {
    for (const server of this.#servers) server.closeAllConnections();
  }

  #accept(message: IncomingMessage, answer: ServerResponse): void {
    this.#track(this.#answer(message, answer));
  }

  #track(work: Promise<void>): void {
    const tracked = work.finally(() => this.#underWay.delete(tracked));
    this.#underWay.add(tracked);
  }

  async #hijack(message: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const gone = new AbortController();
    socket.once('close', () => gone.abort());
    socket.on('error', () => {}); // the client has gone away, which the signal says
    const before = (socket as Socket).bytesWritten;
    let request: EngineRequest | undefined;
    try {
      request = parseRequest(message.method ?? 'GET', message.url ?? '/');
      const signal = AbortSignal.any([gone.signal, this.#cut.signal]);
      const call = { ...request, message, socket, head, signal, stopping: this.#stopping.signal };
      await HIJACK_HANDLERS[request.operation]?.(this.#engine, call);
    } catch (error) {
      const { status, message: text } = this.#describe(error, request);
      if ((socket as Socket).bytesWritten === before) socket.end(plainAnswer(status, text));
    } finally {
      // Whoever does not close its own side keeps nothing open.
      setTimeout(() => socket.destroy(), CLOSE_MS).unref();
    }
  }

  async #answer(message: IncomingMessage, answer: ServerResponse): Promise<void> {
    const gone = new AbortController();
    answer.once('close', () => gone.abort());
    answer.on('error', () => {}); // the client has gone away, which the signal says
    for (const [name, value] of Object.entries(this.#headers())) answer.setHeader(name, value);
    let request: EngineRequest | undefined;
    try {
      request = parseRequest(message.method ?? 'GET', message.url ?? '/');
      const signal = AbortSignal.any([gone.signal, this.#cut.signal]);
      const call: EngineCall = { ...request, message, answer, signal, stopping: this.#stopping.signal };
      await HANDLERS[request.operation](this.#engine, call);
    } catch (error) {
      if (!gone.signal.aborted) this.#fail(error, answer, request);
    }
  }

  #fail(error: unknown, answer: ServerResponse, request: EngineRequest | undefined): void {
    const { status, message } = this.#describe(error, request);
    if (!answer.headersSent) sendJson(answer, { message }, status);
    else if (String(answer.getHeader('Content-Type')).includes('json')) {
      const stream = new JsonStream(answer);
      stream.fail(message);
      stream.end();
    } else answer.destroy(); // half a tar must not look like a whole one
  }

  #describe(error: unknown, request: EngineRequest | undefined) {
    const cut = this.#cut.signal.aborted ? findFailure(this.#cut.signal.reason) : undefined;
    const failure = cut ?? findFailure(error);
    if (failure !== undefined) return failure;
    this.#engine.log.error({ error, operation: request?.operation, name: request?.name }, 'request failed');
    return { status: 500, message: 'internal error: see the log of berth engine' };
  }

  #headers(): Record<string, string> {
    return {
      'Api-Version': API_VERSION,
      'Docker-Experimental': 'false',
      Ostype: 'linux',
      Server: `Berth/${this.#engine.identity.version} (${platform()} ${release()}; ${arch()})`,
      ...(this.#stopping.signal.aborted && { Connection: 'close' }),
    };
  }
}

function isHijack(message: IncomingMessage): boolean {
  if (!wantsUpgrade(message)) return false;
  try {
    return parseRequest(message.method ?? 'GET', message.url ?? '/').operation in HIJACK_HANDLERS;
  } catch {
    return false; // which is said as to any other request
  }
}

/** On a connection that Node has handed over. */
function plainAnswer(status: number, message: string): string {
  const text = `${JSON.stringify({ message })}\n`;
  return [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(text)}`,
    `Api-Version: ${API_VERSION}`,
    'Connection: close',
    '',
    text,
  ].join('\r\n');
}
