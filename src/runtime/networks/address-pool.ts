import { randomBytes } from 'node:crypto';
import { InvalidNetworkError, NetworkForbiddenError } from './network-errors.js';
import {
  type Address,
  contains,
  formatAddress,
  formatSubnet,
  lastOf,
  overlap,
  parseAddress,
  parseSubnet,
  type Subnet,
  sizeOf,
} from './subnet.js';

/** Where the addresses of a network come from. */
export type AddressPool = Readonly<{
  /** CIDR. */
  subnet: string;
  gateway: string;
  /** Those that are not asked for come from this part, in CIDR. */
  range?: string;
  /** Never given away, by name. */
  auxiliary?: Readonly<Record<string, string>>;
}>;

/** One element of `IPAM.Config` in the Engine API. */
export type PoolRequest = Readonly<{
  Subnet?: string;
  Gateway?: string;
  IPRange?: string;
  AuxiliaryAddresses?: Readonly<Record<string, string>> | null;
}>;

/** Docker's default-address-pools: each subnet of `size` bits in turn. */
const DEFAULT_POOLS = [
  { base: '172.17.0.0/16', size: 16 },
  { base: '172.18.0.0/16', size: 16 },
  { base: '172.19.0.0/16', size: 16 },
  { base: '172.20.0.0/14', size: 16 },
  { base: '172.24.0.0/14', size: 16 },
  { base: '172.28.0.0/14', size: 16 },
  { base: '192.168.0.0/16', size: 20 },
] as const;

/** @param taken what other networks and the routes of this machine have. @throws {NetworkForbiddenError} all are taken. */
export function choosePool(taken: readonly Subnet[]): AddressPool {
  for (const { base, size } of DEFAULT_POOLS) {
    const whole = expectSubnet(base);
    const step = sizeOf({ family: 4, prefix: size });
    for (let { first } = whole; first <= lastOf(whole); first += step) {
      const subnet: Subnet = { family: 4, first, prefix: size };
      if (!taken.some((other) => overlap(subnet, other))) return poolOf(subnet);
    }
  }
  throw new NetworkForbiddenError(
    'all predefined address pools have been fully subnetted: remove networks with berth network prune, or give one a --subnet',
  );
}

/** A subnet of IPv6 that nobody else is likely to have. RFC 4193, section 3.2. */
export function inventPool6(): AddressPool {
  const prefix = 0xfdn << 120n;
  return poolOf({
    family: 6,
    first: prefix | (BigInt(`0x${randomBytes(5).toString('hex')}`) << 80n),
    prefix: 64,
  });
}

/** What no bridge can have, though dockerd tries. RFC 6890; 169.254.0.0/16 is used for metadata servers, and can be had. */
const SPECIAL = [
  { subnet: '0.0.0.0/8', what: 'stand for this machine itself' },
  { subnet: '127.0.0.0/8', what: 'never leave the machine they are on' },
  { subnet: '224.0.0.0/4', what: 'are those of multicast groups' },
  { subnet: '255.255.255.255/32', what: 'stand for everybody' },
  { subnet: '::/127', what: 'stand for this machine itself' },
  { subnet: '::ffff:0:0/96', what: 'are those of IPv4' },
  { subnet: 'fe80::/10', what: 'are on each link, and every device has one already' },
  { subnet: 'ff00::/8', what: 'are those of multicast groups' },
] as const;

/** @throws {InvalidNetworkError} it makes no sense. */
export function parsePool({ Subnet, Gateway, IPRange, AuxiliaryAddresses }: PoolRequest): AddressPool {
  const subnet = expectSubnet(Subnet ?? '');
  const special = SPECIAL.find((one) => overlap(subnet, expectSubnet(one.subnet)));
  if (special !== undefined)
    throw new InvalidNetworkError(
      `invalid subnet ${Subnet}: addresses of ${special.subnet} ${special.what}; take one of 10.0.0.0/8, or of fd00::/8`,
    );
  if (sizeOf(subnet) < 4n)
    throw new InvalidNetworkError(`invalid subnet ${Subnet}: it has no room for a container`);
  const inside = (what: string, text: string): string => {
    const address = parseAddress(text);
    if (address !== undefined && contains(subnet, address)) return formatAddress(address);
    throw new InvalidNetworkError(`invalid ${what} ${text}: it is no address of the subnet ${Subnet}`);
  };
  const range = IPRange ? expectSubnet(IPRange) : undefined;
  if (
    range !== undefined &&
    !(contains(subnet, { ...range, value: range.first }) && range.prefix >= subnet.prefix)
  )
    throw new InvalidNetworkError(`invalid ip-range ${IPRange}: it is no part of the subnet ${Subnet}`);
  const auxiliary = Object.entries(AuxiliaryAddresses ?? {}).map(([name, text]) => [
    name,
    inside('aux-address', text),
  ]);
  return {
    subnet: formatSubnet(subnet),
    gateway: Gateway ? inside('gateway', Gateway) : poolOf(subnet, range).gateway,
    ...(range !== undefined && { range: formatSubnet(range) }),
    ...(auxiliary.length > 0 && { auxiliary: Object.fromEntries(auxiliary) as Record<string, string> }),
  };
}

/**
 * An address for one more.
 * @param taken those of others. @param wanted if it has to be that one.
 * @throws {InvalidNetworkError} it is not of the subnet. @throws {NetworkForbiddenError} it is taken, or all are.
 */
export function chooseAddress(pool: AddressPool, taken: ReadonlySet<string>, wanted?: string): string {
  const subnet = expectSubnet(pool.subnet);
  const reserved = new Set([pool.gateway, ...Object.values(pool.auxiliary ?? {})]);
  const isFree = (text: string) => !taken.has(text) && !reserved.has(text);
  if (wanted !== undefined) {
    const address = parseAddress(wanted);
    if (address === undefined || !contains(subnet, address))
      throw new InvalidNetworkError(
        `invalid endpoint settings: no configured subnet contains the address ${wanted}`,
      );
    const text = formatAddress(address);
    if (!isHost(subnet, address.value))
      throw new InvalidNetworkError(
        `invalid endpoint settings: ${text} is no address for a container in ${pool.subnet}`,
      );
    if (!isFree(text)) throw new NetworkForbiddenError('Address already in use');
    return text;
  }
  const range = pool.range === undefined ? subnet : expectSubnet(pool.range);
  for (let value = range.first; value <= lastOf(range); value += 1n) {
    const text = formatAddress({ family: subnet.family, value });
    if (isHost(subnet, value) && isFree(text)) return text;
  }
  throw new NetworkForbiddenError(
    `no available IPv${subnet.family} addresses on this network's address pools: ${pool.range ?? pool.subnet}`,
  );
}

/** @throws {InvalidNetworkError} */
export function expectSubnet(text: string): Subnet {
  const subnet = parseSubnet(text);
  if (subnet === undefined)
    throw new InvalidNetworkError(`invalid subnet ${JSON.stringify(text)}: write it as in 10.1.0.0/16`);
  return subnet;
}

/** The first address of all stands for the subnet, the last of IPv4 for everybody in it. */
function isHost(subnet: Subnet, value: bigint): boolean {
  return value !== subnet.first && (subnet.family === 6 || value !== lastOf(subnet));
}

function poolOf(subnet: Subnet, range: Subnet = subnet): AddressPool {
  const first = range.first === subnet.first ? range.first + 1n : range.first;
  const gateway: Address = { family: subnet.family, value: first };
  return { subnet: formatSubnet(subnet), gateway: formatAddress(gateway) };
}
