import { mkdirSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { lastWords, RuntimeError } from '../errors.js';
import { startProgram } from '../programs.js';
import type { Endpoint, NetworkedContainer } from './endpoint.js';
import { NameServer } from './name-server.js';
import { deviceOf, isSix, type Network, OPTION } from './network.js';
import { endingWithUs, networkProgram } from './network-programs.js';
import { isOfSix, type PublishedPort } from './published-port.js';

/** One container in one network, as it is to be: also what is needed to take it away again. */
export type Connection = Readonly<{
  container: NetworkedContainer;
  network: Network;
  endpoint: Endpoint;
  ports: readonly PublishedPort[];
  /** Servers that the network's own asks about other names; those of the machine, if none. */
  dnsServers: readonly string[];
}>;

/** Devices, addresses, firewall rules and names of containers in networks. What it is given is not checked again. */
export interface NetworkPlumbing {
  /** Connects; safe to repeat in a fresh namespace. What was done before a failure stays. @throws {RuntimeError} */
  setUp(namespace: string, connection: Connection): Promise<void>;
  /** Takes away what {@link setUp} made. @throws {RuntimeError} some of it was not there, and some may be left. */
  tearDown(namespace: string, connection: Connection): Promise<void>;
  /**
   * Takes away what is half-made or half-gone: made whole, it can be. Needs nothing that only a container which runs would.
   * @param namespace a fresh one, of no container. @throws {RuntimeError}
   */
  clear(namespace: string, connection: Connection): Promise<void>;
  /** Has names answered that should be and are not. */
  reviveNames(): Promise<void>;
  /** Nobody is in a network any more: what only runs for them ends. */
  rest(): Promise<void>;
  /** Put before a command, it runs where the bridges and firewall rules are, and containers are reached. */
  readonly prefix: readonly string[];
  /** Whether it listens on published ports of IPv4 itself; else somebody has to hold them. */
  readonly takesPorts: boolean;
  /** Servers that answer for names where those of the machine might not be reached; none: those are. */
  readonly nameServers: readonly string[];
}

/** netavark and aardvark-dns, of podman: one call for each network of a container. Version 1.4 was tried. */
export class Netavark {
  readonly #directory: string;
  readonly #prefix: () => readonly string[];
  readonly #names: NameServer;

  /** @param directory where aardvark-dns is told of names; made if need be. @param prefix see {@link NetworkPlumbing.prefix}. */
  constructor(directory: string, prefix: () => readonly string[] = () => []) {
    this.#directory = directory;
    this.#prefix = prefix;
    this.#names = new NameServer(directory, prefix);
  }

  get prefix(): readonly string[] {
    return this.#prefix();
  }

  /** As {@link NetworkPlumbing}. */
  async setUp(namespace: string, connection: Connection): Promise<void> {
    await this.#names.engage(() => this.#run('setup', namespace, connection));
  }

  /** As {@link NetworkPlumbing}. */
  async tearDown(namespace: string, connection: Connection): Promise<void> {
    await this.#names.relieve(() => this.#run('teardown', namespace, connection));
  }

  /** As {@link NetworkPlumbing}. */
  async reviveNames(): Promise<void> {
    await this.#names.revive();
  }

  async #run(verb: 'setup' | 'teardown', namespace: string, connection: Connection): Promise<void> {
    networkProgram('iptables');
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    const program = networkProgram('netavark');
    const aardvark = networkProgram('aardvark-dns');
    const command = [...endingWithUs(), ...this.prefix, program];
    const args = ['--config', this.#directory, '--aardvark-binary', aardvark, verb, namespace];
    const [first = '', ...rest] = [...command, ...args];
    const child = startProgram(first, rest, { stdio: ['pipe', 'pipe', 'pipe'] });
    const code = new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    child.stdin.on('error', () => {}); // it need not read what it is given
    child.stdin.end(JSON.stringify(netavarkOptions(connection)));
    const [stdout, stderr, ended] = await Promise.all([text(child.stdout), text(child.stderr), code]);
    if (ended === 0) return;
    const { network } = connection;
    throw new RuntimeError(
      `cannot ${verb === 'setup' ? 'connect a container to' : 'disconnect a container from'} the network ` +
        `${network.name}: netavark: ${errorIn(stdout) ?? (lastWords(stderr) || `ended with ${ended}`)}`,
    );
  }
}

/** What netavark reads, the same for setup and teardown. Keys are ids: netavark names files by them. */
function netavarkOptions({ container, network, endpoint, ports, dnsServers }: Connection) {
  const isBridge = network.driver === 'bridge';
  return {
    container_id: container.id,
    container_name: endpoint.dnsNames[0] ?? container.name,
    ...(dnsServers.length > 0 && { dns_servers: dnsServers }),
    // One without an address is of both families, as far as the container is; the rest of IPv6 has a relay.
    port_mappings: ports
      .filter((port) => !isOfSix(port))
      .map(({ hostIp, hostPort, containerPort, protocol }) => ({
        host_ip: hostIp === '0.0.0.0' ? '' : hostIp,
        host_port: hostPort,
        container_port: containerPort,
        range: 1,
        protocol,
      })),
    networks: {
      [network.id]: {
        static_ips: [endpoint.ipAddress, endpoint.ipv6Address].filter((address) => address !== ''),
        static_mac: endpoint.macAddress,
        interface_name: endpoint.interfaceName,
        aliases: endpoint.dnsNames.slice(1),
      },
    },
    network_info: {
      [network.id]: {
        name: network.id,
        id: network.id,
        driver: network.driver,
        network_interface: isBridge ? deviceOf(network) : (network.options[OPTION.parent] ?? ''),
        subnets: network.pools.map(({ subnet, gateway }) => ({ subnet, gateway })),
        ipv6_enabled: network.pools.some(isSix),
        internal: network.isInternal,
        dns_enabled: endpoint.dnsServer !== '',
        ipam_options: { driver: 'host-local' },
        options: {
          ...(isBridge ? { isolate: 'true' } : { mode: network.options[OPTION.macvlanMode] ?? 'bridge' }),
          // Of several default routes that of the first interface counts.
          metric: String(100 + Number(/\d+$/.exec(endpoint.interfaceName)?.[0] ?? 0)),
          ...(network.options[OPTION.mtu] !== undefined && { mtu: network.options[OPTION.mtu] }),
        },
      },
    },
  };
}

function errorIn(stdout: string): string | undefined {
  try {
    return (JSON.parse(stdout) as { error?: string }).error;
  } catch {
    return undefined;
  }
}
