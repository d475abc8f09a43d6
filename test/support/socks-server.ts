import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export type SocksServerOptions = Readonly<{
  /** `user:password`; otherwise it asks for none. */
  login?: string;
  /** What it answers to those who want to get somewhere, RFC 1928: 0 leads there. */
  answer?: number;
}>;

/** A SOCKS 5 proxy for which all names are this machine. */
export class SocksServer implements AsyncDisposable {
  /** `name:port`, as clients asked for them. */
  readonly destinations: string[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, options: SocksServerOptions) {
    this.#server = server;
    server.on('connection', (socket) => {
      this.#sockets.add(socket.on('error', () => {}));
      void this.#serve(socket, options).catch(() => socket.destroy());
    });
  }

  static async start(options: SocksServerOptions = {}): Promise<SocksServer> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new SocksServer(server, options);
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #serve(socket: Socket, { login, answer = 0 }: SocksServerOptions): Promise<void> {
    const [, methods = 0] = await read(socket, 2);
    await read(socket, methods);
    socket.write(Buffer.from([5, login === undefined ? 0 : 2]));
    if (login !== undefined) {
      const user = (await readText(socket, 1)).toString();
      const given = `${user}:${(await readText(socket, 0)).toString()}`;
      socket.write(Buffer.from([1, given === login ? 0 : 1]));
      if (given !== login) return void socket.end();
    }
    const [, , , kind] = await read(socket, 4);
    const name = kind === 1 ? (await read(socket, 4)).join('.') : (await readText(socket, 0)).toString();
    const port = (await read(socket, 2)).readUInt16BE();
    this.destinations.push(`${name}:${port}`);
    socket.write(Buffer.from([5, answer, 0, 1, 0, 0, 0, 0, 0, 0]));
    if (answer !== 0) return void socket.end();
    const target = connect(port, '127.0.0.1').on('error', () => socket.destroy());
    this.#sockets.add(target);
    socket.on('close', () => target.destroy());
    target.on('close', () => socket.destroy());
    socket.pipe(target).pipe(socket);
  }
}

/** A text behind its length, and some bytes before that. */
async function readText(socket: Socket, before: number): Promise<Buffer> {
  const head = await read(socket, before + 1);
  return read(socket, head[before] ?? 0);
}

async function read(socket: Socket, bytes: number): Promise<Buffer> {
  for (;;) {
    const found: Buffer | null = bytes === 0 ? Buffer.alloc(0) : socket.read(bytes);
    if (found !== null) return found;
    await once(socket, 'readable');
  }
}
