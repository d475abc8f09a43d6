import { expectSubnet } from './address-pool.js';
import type { FirewallGroup, FirewallRule } from './firewall-rules.js';
import { deviceOf, isDefaultBridge, isSix, type Network } from './network.js';
import type { PublishedPort } from './published-port.js';

/**
 * Where bridges are kept apart: chains of netavark, which puts its own networks there too. It takes the jump to them away with
 * whichever network is left first (1.4), so each group has a jump of its own.
 */
const [ISOLATED, DROPPED] = ['NETAVARK_ISOLATION_1', 'NETAVARK_ISOLATION_2'];
/** Of netavark too: what comes to a published port. */
const PUBLISHED = 'NETAVARK-HOSTPORT-DNAT';

/** What groups of bridges need. */
export const BRIDGE_CHAINS = [
  { table: 'filter', name: ISOLATED },
  { table: 'filter', name: DROPPED },
  { table: 'nat', name: PUBLISHED },
] as const;

/**
 * What may pass to and from the bridge of a network, before the machine's own firewall says whether anything may: dockerd and
 * ufw make that drop what is forwarded. Later ones with -I come before.
 */
export function bridgeGroup(network: Network, family: 4 | 6): FirewallGroup {
  const bridge = deviceOf(network);
  const filter = (place: string, match: string): FirewallRule => ({ table: 'filter', place, match });
  return {
    name: `berth-${network.id.slice(0, 12)}`,
    rules: [
      ...(family === 4 ? inputRules(network) : inputRulesOfSix(network)).map((match) =>
        filter('-I INPUT', match),
      ),
      ...forwardRules(network, family).map((match) => filter('-I FORWARD', match)),
      filter('-I FORWARD', `-j ${ISOLATED}`),
      filter(`-I ${ISOLATED}`, `-i ${bridge} ! -o ${bridge} -j ${DROPPED}`),
      filter(`-I ${DROPPED}`, `-o ${bridge} -j DROP`),
      // From ::1 no packet gets out of this machine: a relay has the port there.
      ...(family === 6
        ? [{ table: 'nat', place: `-I ${PUBLISHED}`, match: '-d ::1/128 -j RETURN' } as const]
        : []),
    ],
  };
}

/** What comes to a published port over IPv6 is for this machine itself. */
export function notPublished({ hostPort, protocol }: PublishedPort): FirewallRule {
  const packets = `-p ${protocol} -m ${protocol} --dport ${hostPort}`;
  return { table: 'nat', place: `-I ${PUBLISHED}`, match: `${packets} -j RETURN` };
}

/** The addresses of a network, in CIDR. @throws {InvalidNetworkError} it has none of that family. */
export function subnetOf({ pools }: Network, family: 4 | 6): string {
  const subnet = pools.find((pool) => isSix(pool) === (family === 6))?.subnet ?? '';
  expectSubnet(subnet);
  return subnet;
}

function inputRules(network: Network): string[] {
  const bridge = deviceOf(network);
  const gateway = network.pools.find((pool) => !isSix(pool))?.gateway;
  return [
    ...(isDefaultBridge(network) ? [] : [`-i ${bridge} -d ${gateway}/32 -p udp -m udp --dport 53 -j ACCEPT`]),
    // What is published on 127.0.0.1 opens a way there: not for containers.
    `-i ${bridge} -d 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED -j DROP`,
  ];
}

/** Where relays have published ports, which no rule for what is forwarded sees. */
function inputRulesOfSix(network: Network): string[] {
  if (!network.isInternal) return [];
  const from = `-i ${deviceOf(network)}`;
  return [
    `${from} -j DROP`,
    `${from} -p ipv6-icmp -j ACCEPT`,
    `${from} -p udp -m udp --dport 53 -j ACCEPT`,
    `${from} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
  ];
}

function forwardRules(network: Network, family: 4 | 6): string[] {
  const bridge = deviceOf(network);
  if (network.isInternal)
    return [`-i ${bridge} ! -o ${bridge} -j DROP`, `-o ${bridge} ! -i ${bridge} -j DROP`];
  const subnet = subnetOf(network, family);
  return [
    `-o ${bridge} -m conntrack --ctstate DNAT -j ACCEPT`,
    `-i ${bridge} -s ${subnet} -j ACCEPT`,
    `-d ${subnet} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
  ];
}
