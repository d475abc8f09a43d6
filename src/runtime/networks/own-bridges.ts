import { BRIDGE_CHAINS, bridgeGroup } from './bridge-rules.js';
import { hasOtherFirewall, putFirewallGroups } from './firewall-rules.js';
import type { Connection, Netavark } from './netavark.js';
import { isSix, type Network } from './network.js';

/** Whether a network has, or is about to have, others than one container in it. */
export type HasOthers = (network: Network, container: string) => boolean;

/**
 * Networks that people have made: netavark has them, and rules of ours see that they are kept apart and that the firewall of
 * the machine does not close them.
 */
export class OwnBridges {
  readonly #netavark: Netavark;
  readonly #hasOthers: HasOthers;

  constructor(netavark: Netavark, hasOthers: HasOthers) {
    this.#netavark = netavark;
    this.#hasOthers = hasOthers;
  }

  async setUp(namespace: string, connection: Connection): Promise<void> {
    await this.#netavark.setUp(namespace, connection);
    await this.#put(connection.network, 'there');
  }

  async tearDown(namespace: string, connection: Connection): Promise<void> {
    const { network, container } = connection;
    await this.#netavark.tearDown(namespace, connection);
    if (!this.#hasOthers(network, container.id)) await this.#put(network, 'gone');
  }

  async #put(network: Network, state: 'there' | 'gone'): Promise<void> {
    if (network.driver !== 'bridge' || hasOtherFirewall()) return;
    for (const family of network.pools.some(isSix) ? ([4, 6] as const) : ([4] as const)) {
      const group = bridgeGroup(network, family);
      const groups = [state === 'there' ? group : { ...group, rules: [] }];
      await putFirewallGroups(groups, { family, chains: BRIDGE_CHAINS, prefix: this.#netavark.prefix });
    }
  }
}
