import { type AddressPool, chooseAddress, expectSubnet } from './address-pool.js';
import type { Endpoint, EndpointRequest, NetworkedContainer } from './endpoint.js';
import { isDefaultBridge, isSix, type Network } from './network.js';
import { InvalidNetworkError, NetworkForbiddenError } from './network-errors.js';
import { newNetworkId } from './network-store.js';
import { bytesOf, parseAddress } from './subnet.js';

/** Blanks and line ends would end a line of what the name server reads, and begin one for somebody else's name. */
const NAME = /^[\w.-]{1,253}$/;

/**
 * Addresses and names for one more container in a network.
 * @param taken the addresses of others there, and names of interfaces that the container has.
 * @throws {InvalidNetworkError} @throws {NetworkForbiddenError}
 */
export function planEndpoint(
  network: Network,
  request: EndpointRequest,
  container: NetworkedContainer,
  taken: Readonly<{ addresses: ReadonlySet<string>; interfaces: readonly string[] }>,
): Endpoint {
  expectPossible(network, request);
  const [four, six] = [network.pools.find((pool) => !isSix(pool)), network.pools.find(isSix)];
  const ipAddress = addressOf(four, taken.addresses, request.ipv4Address);
  const ipv6Address = addressOf(six, taken.addresses, request.ipv6Address);
  const aliases = [...(request.aliases ?? [])];
  const hasNames = network.driver === 'bridge' && !isDefaultBridge(network);
  return {
    networkId: network.id,
    networkName: network.name,
    endpointId: newNetworkId(),
    interfaceName: freeInterface(taken.interfaces),
    ipAddress,
    prefixLength: prefixOf(four),
    gateway: network.isInternal ? '' : (four?.gateway ?? ''),
    ipv6Address,
    ipv6PrefixLength: prefixOf(six),
    ipv6Gateway: network.isInternal ? '' : (six?.gateway ?? ''),
    macAddress: macAddressOf(request.macAddress, ipAddress),
    aliases,
    links: [...(request.links ?? [])],
    dnsNames: hasNames ? namesOf(container, aliases) : [],
    dnsServer: hasNames ? (four?.gateway ?? '') : '',
  };
}

function expectPossible(network: Network, { ipv4Address, ipv6Address, aliases = [] }: EndpointRequest): void {
  if (network.driver === 'host' || network.driver === 'null')
    throw new NetworkForbiddenError(
      `a container cannot be connected to the network ${network.name}: it has it from the beginning, and no other`,
    );
  if (isDefaultBridge(network) && (ipv4Address || ipv6Address))
    throw new InvalidNetworkError(
      'user specified IP address is supported on user defined networks only: make one with berth network create --subnet',
    );
  if (isDefaultBridge(network) && aliases.length > 0)
    throw new InvalidNetworkError('network-scoped aliases are only supported for user-defined networks');
  const odd = aliases.find((name) => !NAME.test(name));
  if (odd !== undefined) throw new InvalidNetworkError(`invalid alias ${JSON.stringify(odd)}`);
}

function addressOf(
  pool: AddressPool | undefined,
  taken: ReadonlySet<string>,
  wanted: string | undefined,
): string {
  if (pool !== undefined) return chooseAddress(pool, taken, wanted || undefined);
  if (!wanted) return '';
  throw new InvalidNetworkError(
    `invalid endpoint settings: no configured subnet contains the address ${wanted}`,
  );
}

function prefixOf(pool: AddressPool | undefined): number {
  return pool === undefined ? 0 : expectSubnet(pool.subnet).prefix;
}

/** Docker's: made of the address, so that a neighbour's table of them is never wrong. */
function macAddressOf(wanted: string | undefined, ipAddress: string): string {
  if (!wanted) {
    const address = parseAddress(ipAddress) ?? { family: 4, value: 0n };
    return ['02', '42', ...Array.from(bytesOf(address), hex)].join(':');
  }
  const text = wanted.toLowerCase().replaceAll('-', ':');
  const first = Number.parseInt(text.slice(0, 2), 16);
  if (!/^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(text) || (first & 1) !== 0)
    throw new InvalidNetworkError(
      `invalid MAC address ${wanted}: write it as in 02:42:ac:11:00:02, and of one device`,
    );
  return text;
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}

function freeInterface(taken: readonly string[]): string {
  for (let i = 0; ; i += 1) if (!taken.includes(`eth${i}`)) return `eth${i}`;
}

/** As docker: its name, its aliases, the beginning of its id, its hostname; in lower case too, since case does not count. */
function namesOf({ id, name, hostname }: NetworkedContainer, aliases: readonly string[]): string[] {
  const names = [name, ...aliases, id.slice(0, 12), hostname].filter((text) => NAME.test(text));
  return [...new Set([...names, ...names.map((text) => text.toLowerCase())])];
}
