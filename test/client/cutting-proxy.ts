import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** Passes connections on to a port of this machine, and cuts some of them. */
export class CuttingProxy implements AsyncDisposable {
  /** Bytes of one direction of one connection after which it is cut; one for each cut to come. */
  readonly cuts: number[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, port: number) {
    this.#server = server;
    server.on('connection', (socket) => this.#join(socket, connect(port, '127.0.0.1')));
  }

  static async start(port: number): Promise<CuttingProxy> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new CuttingProxy(server, port);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #join(a: Socket, b: Socket): void {
    for (const [from, to] of [[a, b] as const, [b, a] as const]) {
      this.#sockets.add(from);
      let bytes = 0;
      from.on('error', () => {});
      from.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes <= (this.cuts[0] ?? Number.POSITIVE_INFINITY)) return;
        this.cuts.shift();
        from.unpipe(to).pause();
        setTimeout(() => {
          a.destroy();
          b.destroy();
        }, 100); // what was passed on may arrive
      });
      from.pipe(to);
      from.on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
    }
  }
}
