import { type Connection, Netavark, type NetworkPlumbing } from './netavark.js';
import { isDefaultBridge, type Network } from './network.js';
import { hasOtherFirewall, UsualBridge } from './usual-bridge.js';

/** Networks of root: docker's usual bridge as fast as can be, and all others as netavark has them. */
export class MachinePlumbing implements NetworkPlumbing {
  readonly takesPorts = false;
  readonly nameServers = [];
  readonly #netavark: Netavark;
  readonly #usual = new UsualBridge();
  readonly #hasOthers: (network: Network, container: string) => boolean;

  /**
   * @param directory where aardvark-dns is told of names.
   * @param hasOthers whether a network has, or is about to have, others than one container in it.
   */
  constructor(directory: string, hasOthers: (network: Network, container: string) => boolean) {
    this.#netavark = new Netavark(directory);
    this.#hasOthers = hasOthers;
  }

  async setUp(namespace: string, connection: Connection): Promise<void> {
    if (isDefaultBridge(connection.network) && !hasOtherFirewall())
      return this.#usual.setUp(namespace, connection);
    return this.#netavark.setUp(namespace, connection);
  }

  async tearDown(namespace: string, connection: Connection): Promise<void> {
    const { network, container } = connection;
    if (!isDefaultBridge(network)) return this.#netavark.tearDown(namespace, connection);
    // It may have been set up when there was another firewall, or by an older Berth.
    if (!this.#usual.has(connection)) {
      await this.#netavark.tearDown(namespace, connection).catch((error: unknown) => {
        if (hasOtherFirewall()) throw error;
      });
    }
    await this.#usual.tearDown(connection, !this.#hasOthers(network, container.id));
  }

  reviveNames(): Promise<void> {
    return this.#netavark.reviveNames();
  }

  rest(): Promise<void> {
    return this.#netavark.rest();
  }
}
