import {
  inspectNetwork,
  type Network,
  type NetworkInspect,
  Networks,
  networksPlace,
} from '../runtime/networks/index.js';
import { RuntimeDatabase } from '../runtime/runtime-database.js';
import { askedAddresses } from './asked-addresses.js';
import { confirmed } from './confirmed.js';
import { openContainerHost } from './container-host.js';
import { UsageError } from './failure.js';
import { formatRows, labelOf, Template, unescaped } from './format-template.js';
import { type StoreFlags, storeRoot } from './image-store.js';
import { goTime } from './image-units.js';
import { expectNone, failuresOf, filtersOf, pairsOf } from './named-things.js';
import { deleted } from './pruned.js';
import { isForMachine, runDirectory } from './user-namespace.js';

export type CreateNetworkFlags = StoreFlags &
  Readonly<{
    driver: string;
    subnet: readonly string[];
    gateway: readonly string[];
    ipRange: readonly string[];
    auxAddress: readonly string[];
    internal?: boolean;
    ipv4?: boolean;
    ipv6?: boolean;
    attachable?: boolean;
    opt: readonly string[];
    label: readonly string[];
    ipamDriver: string;
    scope: string;
  }>;
export type ListNetworksFlags = StoreFlags &
  Readonly<{ quiet?: boolean; trunc?: boolean; filter: readonly string[]; format?: string }>;
export type InspectNetworkFlags = StoreFlags & Readonly<{ format?: string }>;
export type ConnectFlags = StoreFlags &
  Readonly<{ ip?: string; ip6?: string; alias: readonly string[]; link: readonly string[] }>;
export type DisconnectFlags = StoreFlags & Readonly<{ force?: boolean }>;
export type RemoveNetworksFlags = StoreFlags & Readonly<{ force?: boolean }>;
export type PruneNetworksFlags = StoreFlags & Readonly<{ force?: boolean; filter: readonly string[] }>;

const HEADERS = {
  ID: 'NETWORK ID',
  Name: 'NAME',
  Driver: 'DRIVER',
  Scope: 'SCOPE',
  IPv6: 'IPV6',
  Internal: 'INTERNAL',
  Labels: 'LABELS',
  CreatedAt: 'CREATED AT',
} as const;
const TABLE = 'table {{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}';

/** `berth network create`: prints the id. */
export async function createNetwork(name: string, flags: CreateNetworkFlags): Promise<void> {
  using opened = openNetworks(flags);
  const { id } = await opened.networks.create({
    Name: name,
    Driver: flags.driver,
    Internal: flags.internal === true,
    Attachable: flags.attachable === true,
    EnableIPv4: flags.ipv4 !== false,
    EnableIPv6: flags.ipv6 === true,
    Scope: flags.scope,
    IPAM: { Driver: flags.ipamDriver, Config: poolsOf(flags) },
    Options: pairsOf(flags.opt),
    Labels: pairsOf(flags.label),
  });
  process.stdout.write(`${id}\n`);
}

/** `berth network ls`: docker's columns and fields. */
export function listNetworks({ quiet = false, trunc = true, format, ...flags }: ListNetworksFlags): void {
  using opened = openNetworks(flags);
  const rows = opened.networks
    .list(filtersOf(flags.filter))
    .map((network) => ({ ...rowOf(network, trunc), Label: labelOf(network.labels) }));
  if (quiet && format === undefined) {
    process.stdout.write(rows.map(({ ID }) => `${ID}\n`).join(''));
    return;
  }
  const isPlain = format === undefined || format === 'table';
  process.stdout.write(formatRows(rows, isPlain ? TABLE : format, HEADERS));
}

/** `berth network inspect`: docker's JSON. What is not there is told of at the end. */
export async function inspectNetworks(names: readonly string[], flags: InspectNetworkFlags): Promise<void> {
  using opened = openNetworks(flags);
  const found: NetworkInspect[] = [];
  const failures = await failuresOf(names, (name) => {
    const network = opened.networks.get(name);
    found.push(inspectNetwork(network, opened.networks.members(network)));
  });
  process.stdout.write(formatted(found, flags.format));
  expectNone(failures);
}

/** `berth network connect`. */
export async function connectNetwork(
  network: string,
  container: string,
  { alias, link, ...flags }: ConnectFlags,
): Promise<void> {
  using opened = await openContainerHost(flags);
  await opened.host.connect(container, network, {
    ...askedAddresses(flags),
    ...(alias.length > 0 && { Aliases: alias }),
    ...(link.length > 0 && { Links: link }),
  });
}

/** `berth network disconnect`. */
export async function disconnectNetwork(
  network: string,
  container: string,
  { force = false, ...flags }: DisconnectFlags,
): Promise<void> {
  using opened = await openContainerHost(flags);
  await opened.host.disconnect(container, network, { force });
}

/** `berth network rm`: prints the names of those that are gone. */
export async function removeNetworks(names: readonly string[], flags: RemoveNetworksFlags): Promise<void> {
  using opened = openNetworks(flags);
  const failures = await failuresOf(names, async (name) => {
    const network = opened.networks.find(name);
    if (flags.force === true && network === undefined) return;
    // Some of those in it may have just ended, and nobody has noted it yet.
    if (network !== undefined && opened.networks.members(network).length > 0) await noteEnds(flags);
    opened.networks.remove(name);
    process.stdout.write(`${name}\n`);
  });
  expectNone(failures);
}

/** `berth network prune`. */
export async function pruneNetworks({ force = false, ...flags }: PruneNetworksFlags): Promise<void> {
  const question = 'This removes all networks that no running container is in. Continue? [y/N] ';
  if (!force && !(await confirmed(question))) return;
  using opened = openNetworks(flags);
  process.stdout.write(deleted('Networks', opened.networks.prune(filtersOf(flags.filter))));
}

async function noteEnds(flags: StoreFlags): Promise<void> {
  using opened = await openContainerHost(flags);
  await opened.host.list();
}

function openNetworks(flags: StoreFlags): Disposable & Readonly<{ networks: Networks }> {
  const root = storeRoot(flags);
  const db = new RuntimeDatabase(root);
  return {
    networks: new Networks(db, { ...networksPlace(root, runDirectory()), isForMachine: isForMachine() }),
    [Symbol.dispose]: () => db.close(),
  };
}

/** One for each subnet; gateways, ranges and other addresses go to that of their kind. @throws {UsageError} */
function poolsOf({ subnet, gateway, ipRange, auxAddress }: CreateNetworkFlags) {
  if (subnet.length === 0) {
    const [odd] = [...gateway, ...ipRange, ...auxAddress];
    if (odd !== undefined) throw new UsageError(`${odd} needs a subnet that it is in: give --subnet too`);
    return [];
  }
  const auxiliary = Object.entries(pairsOf(auxAddress));
  return subnet.map((text) => {
    const isOfKind = (other: string) => other.includes(':') === text.includes(':');
    return {
      Subnet: text,
      ...partOf('Gateway', gateway.filter(isOfKind)),
      ...partOf('IPRange', ipRange.filter(isOfKind)),
      AuxiliaryAddresses: Object.fromEntries(auxiliary.filter(([, address]) => isOfKind(address))),
    };
  });
}

function partOf(name: 'Gateway' | 'IPRange', texts: readonly string[]): Record<string, string> {
  if (texts.length > 1) throw new UsageError(`a subnet has one ${name}, not ${texts.join(' and ')}`);
  return texts[0] === undefined ? {} : { [name]: texts[0] };
}

function rowOf(network: Network, trunc: boolean): Readonly<Record<keyof typeof HEADERS, string>> {
  const { id, name, driver, hasIPv6, isInternal, labels, createdAt } = network;
  return {
    ID: trunc ? id.slice(0, 12) : id,
    Name: name,
    Driver: driver,
    Scope: 'local',
    IPv6: String(hasIPv6),
    Internal: String(isInternal),
    Labels: Object.entries(labels)
      .map(([key, value]) => `${key}=${value}`)
      .sort()
      .join(','),
    CreatedAt: goTime(createdAt),
  };
}

function formatted(networks: readonly NetworkInspect[], format: string | undefined): string {
  if (format === undefined) return `${JSON.stringify(networks, null, 4)}\n`;
  if (format === 'json') return `${JSON.stringify(networks)}\n`;
  const template = new Template(unescaped(format));
  return networks.map((network) => `${template.render(network)}\n`).join('');
}
