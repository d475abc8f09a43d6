import { Socket } from 'node:net';
import pg from 'pg';

type ConnectCallback = ((error: Error) => void) | ((error: null, client: pg.Client) => void);

/** A connection that keeps its word where the library's own does not. */
export class Client extends pg.Client {
  readonly #socket: Socket;

  constructor(config: pg.ClientConfig = {}) {
    const socket = new Socket();
    super({ ...config, stream: () => socket });
    this.#socket = socket;
    // The library has that of the URL, or none, go before it.
    if (typeof config.password === 'function') Object.assign(this, { password: config.password });
  }

  override connect(): Promise<pg.Client>;
  override connect(callback: ConnectCallback): void;
  override connect(callback?: ConnectCallback): Promise<pg.Client> | undefined {
    if (callback === undefined) return super.connect();
    super.connect((error: Error) => {
      // Where no password can be had, the library leaves the socket to the patience of the server.
      if (error) this.destroy();
      (callback as (error: Error) => void)(error);
    });
  }

  /** At once, without a word to the database. */
  destroy(): void {
    this.#socket.destroy();
  }
}
