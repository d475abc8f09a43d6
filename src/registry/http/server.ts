import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Http2SecureServer, ServerHttp2Session } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import type { SecureContextOptions } from 'node:tls';
import type Koa from 'koa';
import { type LoadedTls, refuseClients } from '../tls/index.js';
import { plainAnswer } from './errors.js';
import { originForm } from './request.js';

export type ServerOptions = Readonly<{
  listen: ListenAddress;
  /** podman may ask for a thousand ranges in one header. */
  maxHeaderBytes: number;
  /** Serves HTTPS when given. */
  tls?: LoadedTls;
  /** Whether HTTP/2 is offered to TLS clients. */
  http2: boolean;
}>;

export type ListenAddress = Readonly<{ host?: string; port: number }> | Readonly<{ path: string }>;

/** Go's clients keep idle connections for 90 s: whoever closes first loses a request now and then. */
const KEEP_ALIVE_MS = 120_000;
/** For the headers of a request to arrive. Bodies may take as long as they keep coming. */
const HEADERS_MS = 60_000;
/** For a client that was refused to close its side. */
const REFUSED_MS = 5000;
/** Requests that a connection may send ahead of their answers. No client of registries sends even one. */
const MAX_PIPELINED = 16;
/** For HTTP/2 uploads: the default of 64 KiB would wait for the client at every 64 KiB. */
const HTTP2_WINDOW_BYTES = 4 * 1024 * 1024;

/** Accepts connections for the application and ends them in an orderly way. */
export class RegistryServer {
  readonly #server: Server | Http2SecureServer;
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #sockets = new Set<Socket>();
  readonly #options: ServerOptions;
  /** Requests under way on each connection of HTTP/1. */
  readonly #underWay = new WeakMap<Socket, number>();
  #draining = false;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#server = options.tls ? secureServer(options, options.tls) : plainServer(options);
    this.#server.on('clientError', refuse);
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    this.#server.on('session', (session: ServerHttp2Session) => {
      session.setLocalWindowSize(HTTP2_WINDOW_BYTES);
      this.#sessions.add(session);
      session.once('close', () => this.#sessions.delete(session));
      closeWhenIdle(session);
    });
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** @returns where it listens: `host:port`, or the path of a unix socket. */
  async listen(app: Koa): Promise<string> {
    const callback = app.callback() as (req: IncomingMessage, res: ServerResponse) => Promise<void>;
    const answer = (req: IncomingMessage, res: ServerResponse) => {
      if (!this.#admit(req, res)) return;
      req.url = originForm(req.url ?? '/');
      return callback(req, res);
    };
    const server = this.#server as Server;
    server.on('request', answer);
    // Answered by the handlers: only they know whether the body is wanted.
    server.on('checkContinue', answer);
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => reject(cannotListen(this.#options.listen, error)));
      server.listen({ ...this.#options.listen }, () => {
        server.removeAllListeners('error');
        resolve();
      });
    });
    return addressText(server.address());
  }

  /** Node starts every request that a connection sends ahead, each with its files and buffers. */
  #admit({ httpVersionMajor, socket }: IncomingMessage, res: ServerResponse): boolean {
    if (httpVersionMajor !== 1) return true;
    const count = (this.#underWay.get(socket) ?? 0) + 1;
    if (count > MAX_PIPELINED) {
      socket.destroy();
      return false;
    }
    this.#underWay.set(socket, count);
    res.once('close', () => this.#underWay.set(socket, (this.#underWay.get(socket) ?? 1) - 1));
    return true;
  }

  /** Takes over changed certificates for new connections. */
  setSecureContext(context: SecureContextOptions): void {
    if ('setSecureContext' in this.#server) this.#server.setSecureContext(context);
  }

  /** Takes no new connections, lets requests under way finish for `drainMs`, then cuts what is left. */
  async close(drainMs: number): Promise<void> {
    this.#draining = true;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    if ('closeIdleConnections' in this.#server) this.#server.closeIdleConnections();
    for (const session of this.#sessions) session.close();
    const cut = setTimeout(() => {
      for (const session of this.#sessions) session.destroy();
      for (const socket of this.#sockets) socket.destroy();
    }, drainMs);
    await closed;
    clearTimeout(cut);
  }
}

/**
 * Go's notation: `host:port`, `:port` for every address, `[::1]:port`.
 * @throws {Error} naming `key`, where it was written.
 */
export function parseListenAddress(net: string, addr: string, key: string): ListenAddress {
  if (net === 'unix') return { path: addr };
  const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(addr) ?? [];
  if (port === '' || Number(port) > 65_535) {
    throw new Error(`${key}: ${JSON.stringify(addr)} is not <host>:<port>; use 127.0.0.1:5000 or :5000`);
  }
  const name = host.replace(/^\[|\]$/g, '');
  return { ...(name === '' ? {} : { host: name }), port: Number(port) };
}

function plainServer({ maxHeaderBytes }: ServerOptions): Server {
  return createServer({ maxHeaderSize: maxHeaderBytes, ...TIMEOUTS, noDelay: true });
}

function secureServer({ maxHeaderBytes, http2 }: ServerOptions, tls: LoadedTls): Http2SecureServer {
  // Loaded here, as it takes longer than all else of this folder, and most registries stand behind a proxy.
  const { createSecureServer } = process.getBuiltinModule('node:http2');
  const server = createSecureServer({
    ...tls.options,
    allowHTTP1: true,
    ALPNProtocols: http2 ? ['h2', 'http/1.1'] : ['http/1.1'],
    settings: {
      initialWindowSize: HTTP2_WINDOW_BYTES,
      maxHeaderListSize: maxHeaderBytes,
      maxConcurrentStreams: 250,
    },
    ...({ maxHeaderSize: maxHeaderBytes, ...TIMEOUTS } as object),
  });
  // What the HTTP/1 side of this server reads, though its type does not have it.
  Object.assign(server, TIMEOUTS);
  refuseClients(server, tls.clientAuth);
  return server;
}

const TIMEOUTS = { keepAliveTimeout: KEEP_ALIVE_MS, headersTimeout: HEADERS_MS, requestTimeout: 0 } as const;

const REFUSALS: Readonly<Record<string, readonly [number, string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'the request headers are too long'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'the request headers did not arrive in time'],
};

/**
 * Answers what is not HTTP. Some clients speak TLS first and take an answer that begins with `HTTP/` as the sign
 * to try without: silence would end their attempt.
 */
function refuse(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, message] = REFUSALS[error.code ?? ''] ?? [400, 'this is not an HTTP request'];
  socket.end(plainAnswer(status, message));
  setTimeout(() => socket.destroy(), REFUSED_MS).unref();
}

/** Streams look after their own silence. */
function closeWhenIdle(session: ServerHttp2Session): void {
  let streams = 0;
  session.on('stream', (stream) => {
    streams += 1;
    stream.once('close', () => {
      streams -= 1;
    });
  });
  session.setTimeout(KEEP_ALIVE_MS, () => {
    if (streams === 0) session.destroy();
  });
}

const LISTEN_FAILURES: Readonly<Record<string, string>> = {
  EADDRINUSE: 'something listens there already',
  EADDRNOTAVAIL: 'this machine does not have that address',
  EACCES: 'permission denied, as it is below port 1024 without root or CAP_NET_BIND_SERVICE',
  ENOTFOUND: 'nobody knows that name',
  EAI_AGAIN: 'nobody knows that name',
};

function cannotListen(listen: ListenAddress, error: NodeJS.ErrnoException): Error {
  const where = 'path' in listen ? listen.path : `${listen.host ?? ''}:${listen.port}`;
  const why = LISTEN_FAILURES[error.code ?? ''] ?? error.message;
  return new Error(`cannot listen on ${where}: ${why}; choose another address with http.addr`, {
    cause: error,
  });
}

function addressText(address: AddressInfo | string | null): string {
  if (address === null || typeof address === 'string') return address ?? '';
  return address.family === 'IPv6'
    ? `[${address.address}]:${address.port}`
    : `${address.address}:${address.port}`;
}
