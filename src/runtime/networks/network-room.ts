import { choosePool, expectSubnet } from './address-pool.js';
import { hostRoutes } from './host-routes.js';
import { deviceOf, isDefaultBridge, type Network } from './network.js';
import { NetworkForbiddenError } from './network-errors.js';
import type { NetworkStore } from './network-store.js';
import { overlap } from './subnet.js';

/**
 * The machine may have got other routes since the network was made: docker's usual bridge gets other addresses then, as
 * long as nobody is in it. @throws {NetworkForbiddenError} another device has just these addresses.
 */
export function withRoom(store: NetworkStore, network: Network): Network {
  if (network.driver !== 'bridge') return network;
  const routes = hostRoutes().filter(({ device }) => device !== deviceOf(network));
  if (isDefaultBridge(network) && !store.isUsed(network)) {
    const clashes = network.pools.some(({ subnet }) =>
      routes.some((route) => overlap(route.subnet, expectSubnet(subnet))),
    );
    if (!clashes) return network;
    const others = store.all().filter(({ id }) => id !== network.id);
    const taken = others.flatMap(({ pools }) => pools.map(({ subnet }) => expectSubnet(subnet)));
    const moved = { ...network, pools: [choosePool([...taken, ...routes.map(({ subnet }) => subnet)])] };
    store.put(moved);
    return moved;
  }
  for (const { subnet } of network.pools) {
    const { first, prefix, family } = expectSubnet(subnet);
    const same = routes.find(
      (route) =>
        route.subnet.family === family && route.subnet.first === first && route.subnet.prefix === prefix,
    );
    if (same !== undefined)
      throw new NetworkForbiddenError(
        `the network ${network.name} cannot be used now: ${same.device} of this machine has its subnet ${subnet}`,
      );
  }
  return network;
}
