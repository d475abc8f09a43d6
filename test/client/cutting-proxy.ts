import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** Passes connections on to a port of this machine, and cuts some of them, or lets them hang. */
export class CuttingProxy implements AsyncDisposable {
  /** Bytes of one direction of one connection after which it is cut; one for each cut to come. */
  readonly cuts: number[] = [];
  /** How many hang, and are not cut. */
  stalled = 0;
  readonly #stalls: boolean;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, port: number, { stalls = false }: { stalls?: boolean }) {
    this.#server = server;
    this.#stalls = stalls;
    server.on('connection', (socket) => this.#join(socket, connect(port, '127.0.0.1')));
  }

  /** @param options `stalls`: nothing more passes in that direction where there would be a cut. */
  static async start(port: number, options: { stalls?: boolean } = {}): Promise<CuttingProxy> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new CuttingProxy(server, port, options);
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
        from.unpipe(to);
        if (this.#stalls) {
          this.stalled += 1;
          from.resume(); // what comes is lost, but an end is noticed
          return;
        }
        from.pause();
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
