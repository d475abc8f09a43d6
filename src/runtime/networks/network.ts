import { type AddressPool, type PoolRequest, parsePool } from './address-pool.js';
import { InvalidNetworkError } from './network-errors.js';

/** Docker's words; `null` is no network at all. */
export type NetworkDriver = 'bridge' | 'macvlan' | 'host' | 'null';

/** Body of POST /networks/create in the Engine API. */
export type NetworkRequest = Readonly<{
  Name?: string;
  /** '' is bridge. */
  Driver?: string;
  Internal?: boolean;
  Attachable?: boolean;
  EnableIPv4?: boolean;
  EnableIPv6?: boolean;
  Scope?: string;
  Ingress?: boolean;
  ConfigOnly?: boolean;
  IPAM?: Readonly<{
    Driver?: string;
    Config?: readonly PoolRequest[] | null;
    Options?: Readonly<Record<string, string>> | null;
  }> | null;
  Options?: Readonly<Record<string, string>> | null;
  Labels?: Readonly<Record<string, string>> | null;
}>;

export type Network = Readonly<{
  /** 64 hexadecimal digits. */
  id: string;
  name: string;
  /** RFC 3339. */
  createdAt: string;
  driver: NetworkDriver;
  isInternal: boolean;
  isAttachable: boolean;
  hasIPv6: boolean;
  /** One of IPv4, then perhaps one of IPv6; none of host and none. */
  pools: readonly AddressPool[];
  options: Readonly<Record<string, string>>;
  labels: Readonly<Record<string, string>>;
}>;

/** Those that are always there: docker's usual bridge, the network of the machine, and nothing. */
export const PREDEFINED: readonly Readonly<{ name: string; driver: NetworkDriver }>[] = [
  { name: 'bridge', driver: 'bridge' },
  { name: 'host', driver: 'host' },
  { name: 'none', driver: 'null' },
];

/** Of bridges and of macvlan, with docker's names. */
export const OPTION = {
  bridgeName: 'com.docker.network.bridge.name',
  hostBinding: 'com.docker.network.bridge.host_binding_ipv4',
  mtu: 'com.docker.network.driver.mtu',
  parent: 'parent',
  macvlanMode: 'macvlan_mode',
} as const;

/** Where no other value can be had. */
const FIXED: Readonly<Record<string, string>> = {
  'com.docker.network.bridge.enable_icc': 'true',
  'com.docker.network.bridge.enable_ip_masquerade': 'true',
};

export function isPredefined(name: string): boolean {
  return PREDEFINED.some((network) => network.name === name);
}

/** Docker's usual bridge, whose containers do not know each other by name. */
export function isDefaultBridge({ name }: Network): boolean {
  return name === 'bridge';
}

/** The device of a bridge on this machine. */
export function deviceOf({ id, options }: Network): string {
  return options[OPTION.bridgeName] ?? `br-${id.slice(0, 12)}`;
}

/** What a request says, but for pools that are left to us. @throws {InvalidNetworkError} */
export function parseNetworkRequest(request: NetworkRequest) {
  const { Name: name = '', Driver, IPAM, Options, Labels } = request;
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(name) || name.length > 128)
    throw new InvalidNetworkError(
      `invalid network name ${JSON.stringify(name)}: letters, digits, _ . and -, beginning with a letter or digit`,
    );
  const driver = Driver || 'bridge';
  if (driver !== 'bridge' && driver !== 'macvlan')
    throw new InvalidNetworkError(`could not find network driver ${driver}: there are bridge and macvlan`);
  if ((IPAM?.Driver || 'default') !== 'default')
    throw new InvalidNetworkError(`could not find IPAM driver ${IPAM?.Driver}: there is only default`);
  if (request.Ingress || request.ConfigOnly || (request.Scope || 'local') !== 'local')
    throw new InvalidNetworkError(
      'there are no swarm networks here: only scope local, no ingress, no config-only',
    );
  if (request.EnableIPv4 === false)
    throw new InvalidNetworkError('every network has addresses of IPv4 here: leave out --ipv4=false');
  const options = Options ?? {};
  expectOptions(driver, options);
  const pools = (IPAM?.Config ?? []).filter(({ Subnet }) => Subnet).map(parsePool);
  const poolless = (IPAM?.Config ?? []).find(
    ({ Subnet, Gateway, IPRange }) => !Subnet && (Gateway || IPRange),
  );
  if (poolless !== undefined)
    throw new InvalidNetworkError('a gateway or an ip-range needs a subnet: give --subnet too');
  const [four, six] = [pools.filter((pool) => !isSix(pool)), pools.filter(isSix)];
  if (four.length > 1 || six.length > 1)
    throw new InvalidNetworkError('a network has one subnet of IPv4 and one of IPv6 at most');
  return {
    name,
    driver: driver as NetworkDriver,
    isInternal: request.Internal === true,
    isAttachable: request.Attachable === true,
    hasIPv6: request.EnableIPv6 === true || six.length > 0,
    pools: [...four, ...six],
    options,
    labels: Labels ?? {},
  };
}

export function isSix({ subnet }: AddressPool): boolean {
  return subnet.includes(':');
}

function expectOptions(driver: string, options: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(options)) {
    const fixed = FIXED[name];
    if (fixed !== undefined && value !== fixed)
      throw new InvalidNetworkError(`${name}=${value} is not possible here: it is always ${fixed}`);
  }
  const mtu = options[OPTION.mtu];
  if (mtu !== undefined && !(/^\d{2,5}$/.test(mtu) && Number(mtu) >= 68 && Number(mtu) <= 65_535))
    throw new InvalidNetworkError(`invalid ${OPTION.mtu} ${mtu}: write a number from 68 to 65535`);
  const device = options[driver === 'macvlan' ? OPTION.parent : OPTION.bridgeName];
  if (device !== undefined && !/^[^\s/:.][^\s/:]{0,14}$/.test(device))
    throw new InvalidNetworkError(`invalid name of a network device: ${JSON.stringify(device)}`);
  const mode = options[OPTION.macvlanMode] ?? 'bridge';
  if (driver === 'macvlan' && !['bridge', 'private', 'vepa', 'passthru'].includes(mode))
    throw new InvalidNetworkError(
      `invalid ${OPTION.macvlanMode} ${mode}: there are bridge, private, vepa and passthru`,
    );
}
