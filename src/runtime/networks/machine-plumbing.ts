import { hasOtherFirewall } from './firewall-rules.js';
import { type Connection, Netavark, type NetworkPlumbing } from './netavark.js';
import { isDefaultBridge } from './network.js';
import { type HasOthers, OwnBridges } from './own-bridges.js';
import { UsualBridge } from './usual-bridge.js';

/** Networks of root: docker's usual bridge as fast as can be, and all others as netavark has them. */
export class MachinePlumbing implements NetworkPlumbing {
  readonly prefix = [];
  readonly takesPorts = false;
  readonly nameServers = [];
  readonly #netavark: Netavark;
  readonly #own: OwnBridges;
  readonly #usual = new UsualBridge();
  readonly #hasOthers: HasOthers;

  /** @param directory where aardvark-dns is told of names. */
  constructor(directory: string, hasOthers: HasOthers) {
    this.#netavark = new Netavark(directory);
    this.#own = new OwnBridges(this.#netavark, hasOthers);
    this.#hasOthers = hasOthers;
  }

  async setUp(namespace: string, connection: Connection): Promise<void> {
    if (!isDefaultBridge(connection.network)) return this.#own.setUp(namespace, connection);
    if (!hasOtherFirewall()) return this.#usual.setUp(namespace, connection);
    return this.#netavark.setUp(namespace, connection);
  }

  async tearDown(namespace: string, connection: Connection): Promise<void> {
    const { network, container } = connection;
    if (!isDefaultBridge(network)) return this.#own.tearDown(namespace, connection);
    // It may have been set up when there was another firewall, or by an older Berth.
    if (!this.#usual.has(connection)) {
      await this.#netavark.tearDown(namespace, connection).catch((error: unknown) => {
        if (hasOtherFirewall()) throw error;
      });
    }
    await this.#usual.tearDown(connection, !this.#hasOthers(network, container.id));
  }

  async clear(namespace: string, connection: Connection): Promise<void> {
    await this.setUp(namespace, connection);
    await this.tearDown(namespace, connection);
  }

  reviveNames(): Promise<void> {
    return this.#netavark.reviveNames();
  }

  async rest(): Promise<void> {} // aardvark-dns ends by itself
}
