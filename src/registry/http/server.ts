import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Http2SecureServer, ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { SecureContextOptions } from 'node:tls';
import type Koa from 'koa';
import { type ListenAddress, listen } from '../listen.js';
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

/** Go's clients keep idle connections for 90 s: whoever closes first loses a request now and then. */
const KEEP_ALIVE_MS = 120_000;
/** For the headers of a request to arrive. Bodies may take as long as they keep coming. */
const HEADERS_MS = 60_000;
/** For a client that was refused to close its side. */
const REFUSED_MS = 5000;
/** For the first byte of a connection that was made just before the stop. Some balancers open them long before they need them. */
const FIRST_BYTE_MS = 1000;
/** Requests that a connection may send ahead of their answers. No client of registries sends even one. */
const MAX_PIPELINED = 16;
/** For HTTP/2 uploads: the default of 64 KiB would wait for the client at every 64 KiB. */
const HTTP2_WINDOW_BYTES = 4 * 1024 * 1024;

/** Accepts connections for the application and ends them in an orderly way. */
export class RegistryServer {
  readonly #server: Server | Http2SecureServer;
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #sockets = new Set<Socket>();
  /** TLS on some of them. */
  readonly #secured = new Set<Socket>();
  readonly #options: ServerOptions;
  /** Requests under way on each connection of HTTP/1. */
  readonly #underWay = new Map<Socket, Set<ServerResponse>>();
  #draining = false;
  #requests = 0;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#server = options.tls ? secureServer(options, options.tls) : plainServer(options);
    this.#server.on('clientError', (error: Error, socket: Socket) => this.#refuse(error, socket));
    this.#server.on('connection', (socket: Socket) => keepWhileOpen(this.#sockets, socket));
    this.#server.on('secureConnection', (socket: Socket) => {
      keepWhileOpen(this.#secured, socket);
      if (this.#draining) this.#cutUnused();
    });
    this.#server.on('session', (session: ServerHttp2Session) => {
      session.setLocalWindowSize(HTTP2_WINDOW_BYTES);
      this.#sessions.add(session);
      session.once('close', () => this.#sessions.delete(session));
      closeWhenIdle(session);
      if (this.#draining) session.close(); // its handshake ended late
    });
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** Requests under way. */
  get requests(): number {
    return this.#requests;
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
    return listen(server, this.#options.listen, 'http.addr');
  }

  /** Node starts every request that a connection sends ahead, each with its files and buffers. */
  #admit({ httpVersionMajor, socket }: IncomingMessage, res: ServerResponse): boolean {
    const answers = httpVersionMajor === 1 ? this.#answersOn(socket) : undefined;
    if (answers && answers.size >= MAX_PIPELINED) {
      socket.destroy();
      return false;
    }
    answers?.add(res);
    this.#requests += 1;
    res.on('close', () => {
      this.#requests -= 1;
      answers?.delete(res);
      // Its client may take it to be kept alive: so it was told before the stop.
      if (this.#draining && answers?.size === 0) socket.destroySoon();
    });
    return true;
  }

  #answersOn(socket: Socket): Set<ServerResponse> {
    const known = this.#underWay.get(socket);
    if (known) return known;
    const answers = new Set<ServerResponse>();
    this.#underWay.set(socket, answers);
    socket.once('close', () => this.#underWay.delete(socket));
    return answers;
  }

  /** Takes over changed certificates for new connections. */
  setSecureContext(context: SecureContextOptions): void {
    if ('setSecureContext' in this.#server) this.#server.setSecureContext(context);
  }

  /**
   * Takes no new connections, lets requests under way finish for `drainMs`, then cuts what is left.
   * @returns how many connections it cut.
   */
  async close(drainMs: number): Promise<number> {
    this.#draining = true;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    if ('closeIdleConnections' in this.#server) this.#server.closeIdleConnections();
    for (const answers of this.#underWay.values()) {
      for (const answer of answers) if (!answer.headersSent) answer.setHeader('Connection', 'close');
    }
    for (const session of this.#sessions) session.close();
    this.#cutUnused();
    let count = 0;
    const cut = setTimeout(() => {
      count = this.#sockets.size;
      for (const session of this.#sessions) session.destroy();
      for (const socket of this.#sockets) socket.destroy();
    }, drainMs);
    await closed;
    clearTimeout(cut);
    return count;
  }

  /** Closes connections on which nothing has been asked a moment later. */
  #cutUnused(): void {
    setTimeout(() => {
      for (const socket of [...this.#sockets, ...this.#secured]) if (socket.bytesRead === 0) socket.destroy();
    }, FIRST_BYTE_MS).unref();
  }

  /**
   * Answers what is not HTTP. Some clients speak TLS first and take an answer that begins with `HTTP/` as the sign
   * to try without: silence would end their attempt.
   */
  #refuse(error: NodeJS.ErrnoException, socket: Socket): void {
    const [status, message] = REFUSALS[error.code ?? ''] ?? [400, 'this is not an HTTP request'];
    const open = error.code === PLAIN_ON_TLS ? this.#below(socket) : socket;
    if (error.code === 'ECONNRESET' || !open?.writable) {
      socket.destroy();
      return;
    }
    open.end(plainAnswer(status, message));
    setTimeout(() => open.destroy(), REFUSED_MS).unref();
  }

  /** The connection that a TLS socket was to be on, which is still open where that failed. */
  #below({ remoteAddress, remotePort }: Socket): Socket | undefined {
    for (const socket of this.#sockets) {
      if (socket.remotePort === remotePort && socket.remoteAddress === remoteAddress) return socket;
    }
    return undefined;
  }
}

function keepWhileOpen(sockets: Set<Socket>, socket: Socket): void {
  sockets.add(socket);
  socket.once('close', () => sockets.delete(socket));
}

function plainServer({ maxHeaderBytes }: ServerOptions): Server {
  return createServer({ maxHeaderSize: maxHeaderBytes, ...HTTP1, noDelay: true });
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
    ...({ maxHeaderSize: maxHeaderBytes, ...HTTP1 } as object),
  });
  // What the HTTP/1 side of this server reads, though its type does not have it.
  Object.assign(server, HTTP1);
  refuseClients(server, tls.clientAuth);
  return server;
}

const HTTP1 = {
  keepAliveTimeout: KEEP_ALIVE_MS,
  headersTimeout: HEADERS_MS,
  requestTimeout: 0,
  requireHostHeader: false, // Node would refuse without a word; the application says what is missing
} as const;

const PLAIN_ON_TLS = 'ERR_SSL_HTTP_REQUEST';

const REFUSALS: Readonly<Record<string, readonly [number, string]>> = {
  [PLAIN_ON_TLS]: [400, 'this port speaks HTTPS: ask with https://'],
  HPE_HEADER_OVERFLOW: [431, 'the request headers are too long'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'the request headers did not arrive in time'],
};

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
