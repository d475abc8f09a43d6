import { chmodSync, chownSync, closeSync, constants, openSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { MountOwner } from '../layer/index.js';

/**
 * A socket of our own that leads to one of the machine's: so it can have any owner, and those who hold it know no more
 * of the machine than what answers there.
 */
export class SocketProxy implements Disposable {
  readonly path: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  static async open(hostPath: string, folder: string, { uid, gid, mode }: MountOwner): Promise<SocketProxy> {
    const path = join(folder, 'socket');
    const proxy = new SocketProxy(hostPath, path);
    await proxy.#listen(folder);
    chmodSync(path, mode);
    chownSync(path, uid, gid);
    return proxy;
  }

  private constructor(hostPath: string, path: string) {
    this.path = path;
    this.#server = createServer({ allowHalfOpen: true }, (client) => this.#join(client, connect(hostPath)));
  }

  [Symbol.dispose](): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Names of sockets have at most 107 bytes, so the folder goes by its descriptor. */
  async #listen(folder: string): Promise<void> {
    const fd = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      await new Promise<void>((resolve, reject) => {
        this.#server.once('error', reject);
        this.#server.listen(`/proc/self/fd/${fd}/socket`, resolve);
      });
    } finally {
      closeSync(fd);
    }
  }

  #join(client: Socket, agent: Socket): void {
    for (const [one, other] of [
      [client, agent],
      [agent, client],
    ] as const) {
      this.#sockets.add(one);
      one.once('close', () => {
        this.#sockets.delete(one);
        other.destroy();
      });
      one.on('error', () => {}); // what is closed with it says enough
      one.pipe(other);
    }
  }
}
