import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { arch, platform, release } from 'node:os';
import type { EngineCall } from './call.js';
import { sendJson } from './call.js';
import { HANDLERS } from './dispatch.js';
import type { Engine } from './engine.js';
import { EngineError } from './errors.js';
import { findFailure } from './failure.js';
import { JsonStream } from './json-stream.js';
import { API_VERSION, type EngineRequest, parseRequest } from './request.js';

/** Logins for many registries come in one header. */
const MAX_HEADER_BYTES = 256 * 1024;
const HEADERS_MS = 60_000;

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
      requireHostHeader: false,
      // What clients of BuildKit ask for in this way is answered as any other request: there is no such thing.
      shouldUpgradeCallback: () => false,
    };
    const server = createServer(options, (message, answer) => this.#accept(message, answer));
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
    const work = this.#answer(message, answer).finally(() => this.#underWay.delete(work));
    this.#underWay.add(work);
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
