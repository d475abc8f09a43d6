import { existsSync, writeFileSync } from 'node:fs';
import { runProgram } from '../programs.js';
import { sideBySide } from '../side-by-side.js';
import { BRIDGE_CHAINS, bridgeGroup, subnetOf } from './bridge-rules.js';
import { type FirewallGroup, type FirewallRule, putFirewallGroups } from './firewall-rules.js';
import { hasDevice } from './host-routes.js';
import type { Connection } from './netavark.js';
import { deviceOf } from './network.js';
import { endingWithUs, networkProgram } from './network-programs.js';
import { isOfSix, type PublishedPort } from './published-port.js';

const PUBLISHED = 'BERTH-PUBLISHED';
const CHAINS = [...BRIDGE_CHAINS, { table: 'nat', name: PUBLISHED }] as const;
/** Of packets whose answers have to come back through this machine: netavark's too. */
const MARK = '0x2000/0x2000';

/** Not told by its neighbours which addresses and routes it has: they may be anybody's containers. */
const INSIDE =
  'for each in autoconf accept_ra; do echo 0 > "/proc/sys/net/ipv6/conf/$0/$each"; done 2> /dev/null; exec "$@"';

/**
 * Docker's usual bridge: IPv4, and no names. It is what most containers are in, and netavark starts forty programs to put
 * one there; here it is done by four, two of which see to the firewall. All is safe to repeat, and what is taken away may
 * be half-made.
 */
export class UsualBridge {
  /** Devices and rules side by side: the kernel makes whoever changes either wait. */
  async setUp(namespace: string, connection: Connection): Promise<void> {
    await sideBySide(
      this.#makeDevices(namespace, connection),
      putFirewallGroups([networkGroup(connection), portGroup(connection)], { chains: CHAINS }),
    );
    // For what this machine publishes on 127.0.0.1; the rules keep containers from the rest there.
    writeFileSync(`/proc/sys/net/ipv4/conf/${deviceOf(connection.network)}/route_localnet`, '1');
  }

  async #makeDevices(namespace: string, connection: Connection): Promise<void> {
    const { network, endpoint } = connection;
    const [bridge, veth] = [deviceOf(network), vethOf(connection)];
    const { interfaceName, prefixLength, gateway, macAddress, ipAddress } = endpoint;
    await ip([
      ...(hasDevice(veth) ? [`link del ${veth}`] : []),
      ...(hasDevice(bridge) ? [] : [`link add name ${bridge} type bridge`]),
      `addr replace ${gateway}/${prefixLength} broadcast + dev ${bridge}`,
      `link set dev ${bridge} up`,
      // There at once: this machine may have a device of that name too.
      `link add name ${veth} type veth peer name ${interfaceName} address ${macAddress} netns ${namespace}`,
      `link set dev ${veth} master ${bridge} up`,
    ]);
    const metric = 100 + Number(/\d+$/.exec(interfaceName)?.[0] ?? 0);
    const inside = [networkProgram('nsenter'), `--net=${namespace}`, '/bin/sh', '-c', INSIDE, interfaceName];
    await ip(
      [
        `addr add ${ipAddress}/${prefixLength} broadcast + dev ${interfaceName}`,
        `link set dev ${interfaceName} up`,
        'link set dev lo up',
        `route add default via ${gateway} dev ${interfaceName} proto static metric ${metric}`,
      ],
      inside,
    );
    // Nor is this machine told so by a container (CVE-2020-13401).
    const advertisements = `/proc/sys/net/ipv6/conf/${bridge}/accept_ra`;
    if (existsSync(advertisements)) writeFileSync(advertisements, '0');
    writeFileSync('/proc/sys/net/ipv4/ip_forward', '1');
  }

  /** @param isLast nobody else is, or is about to be, in the network. */
  async tearDown(connection: Connection, isLast: boolean): Promise<void> {
    const { network, ports } = connection;
    const [bridge, veth] = [deviceOf(network), vethOf(connection)];
    const gone = [
      ...(ports.length > 0 ? [portGroup(connection)] : []),
      ...(isLast ? [networkGroup(connection)] : []),
    ];
    const devices = [veth, ...(isLast ? [bridge] : [])].filter(hasDevice);
    await sideBySide(
      ...(gone.length > 0 ? [putFirewallGroups(gone.map(({ name }) => ({ name, rules: [] })))] : []),
      ...(devices.length > 0 ? [ip(devices.map((device) => `link del ${device}`))] : []),
    );
  }

  /** Whether {@link setUp} has been at it. */
  has(connection: Connection): boolean {
    return hasDevice(vethOf(connection));
  }
}

function vethOf({ container }: Connection): string {
  return `veth${container.id.slice(0, 11)}`;
}

/** @param prefix put before the command, which reads the lines. */
async function ip(lines: readonly string[], prefix: readonly string[] = []): Promise<void> {
  await runProgram(
    [...endingWithUs(), ...prefix, networkProgram('ip'), '-batch', '-'],
    `${lines.join('\n')}\n`,
  );
}

/** What all of the network need. */
function networkGroup({ network }: Connection): FirewallGroup {
  const [bridge, subnet] = [deviceOf(network), subnetOf(network, 4)];
  const nat = (place: string, match: string): FirewallRule => ({ table: 'nat', place, match });
  const { name, rules } = bridgeGroup(network, 4);
  return {
    name,
    rules: [
      ...rules,
      nat('-A PREROUTING', `-m addrtype --dst-type LOCAL -j ${PUBLISHED}`),
      nat('-A OUTPUT', `-m addrtype --dst-type LOCAL -j ${PUBLISHED}`),
      nat('-A POSTROUTING', `-m mark --mark ${MARK} -j MASQUERADE`),
      nat('-A POSTROUTING', `-s ${subnet} ! -o ${bridge} -j MASQUERADE`),
    ],
  };
}

/** Published ports of one container. */
function portGroup({ network, container, endpoint, ports }: Connection): FirewallGroup {
  const rule = (match: string): FirewallRule => ({ table: 'nat', place: `-A ${PUBLISHED}`, match });
  return {
    name: `berth-${container.id.slice(0, 32)}`,
    rules: ports
      .filter((port) => !isOfSix(port)) // it has no address of IPv6: a relay leads there
      .flatMap((port) => [
        rule(`-s ${subnetOf(network, 4)} ${packetsTo(port)} -j MARK --set-xmark ${MARK}`),
        rule(`-s 127.0.0.1/32 ${packetsTo(port)} -j MARK --set-xmark ${MARK}`),
        rule(`${packetsTo(port)} -j DNAT --to-destination ${endpoint.ipAddress}:${port.containerPort}`),
      ]),
  };
}

function packetsTo({ hostIp, hostPort, protocol }: PublishedPort): string {
  const address = hostIp === '' || hostIp === '0.0.0.0' ? '' : `-d ${hostIp}/32 `;
  return `${address}-p ${protocol} -m ${protocol} --dport ${hostPort}`;
}
