import { BRIDGE_CHAINS, bridgeGroup, notPublished } from './bridge-rules.js';
import { type FirewallGroup, hasOtherFirewall, putFirewallGroups } from './firewall-rules.js';
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
    await this.#put(connection.network, (family) => [
      bridgeGroup(connection.network, family),
      ...(family === 6 ? groupOfFour(connection) : []),
    ]);
  }

  async tearDown(namespace: string, connection: Connection): Promise<void> {
    const { network, container } = connection;
    await this.#netavark.tearDown(namespace, connection);
    const isLast = !this.#hasOthers(network, container.id);
    await this.#put(network, (family) => [
      ...(isLast ? [without(bridgeGroup(network, family))] : []),
      ...(family === 6 ? groupOfFour(connection).map(without) : []),
    ]);
  }

  async #put(network: Network, groupsOf: (family: 4 | 6) => readonly FirewallGroup[]): Promise<void> {
    if (network.driver !== 'bridge' || hasOtherFirewall()) return;
    for (const family of network.pools.some(isSix) ? ([4, 6] as const) : ([4] as const)) {
      const groups = groupsOf(family);
      if (groups.length === 0) continue;
      await putFirewallGroups(groups, { family, chains: BRIDGE_CHAINS, prefix: this.#netavark.prefix });
    }
  }
}

function without(group: FirewallGroup): FirewallGroup {
  return { ...group, rules: [] };
}

/** netavark publishes for both families what names no address, and cannot be told 0.0.0.0: so not on IPv6. */
function groupOfFour({ container, ports }: Connection): FirewallGroup[] {
  const ofFour = ports.filter(({ hostIp }) => hostIp === '0.0.0.0');
  if (ofFour.length === 0) return [];
  const rules = ofFour.map(notPublished);
  return [{ name: `berth-${container.id.slice(0, 32)}`, rules }];
}
