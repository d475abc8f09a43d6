import { InvalidContainerError } from '../errors.js';
import {
  type Attachment,
  containerHosts,
  containerResolvConf,
  type Endpoint,
  type EndpointRequest,
  type HeldPorts,
  type LinkTarget,
  linkEnvironment,
  linkHostsLine,
  type Networks,
  parseLink,
  publishedPorts,
} from '../networks/index.js';
import type { NamespacePath } from '../spec.js';
import type { EndpointSettings, HostConfig, NetworkingConfig } from './configuration.js';
import type { ContainerFolder } from './container-folder.js';
import { type ContainerRecord, isAlive } from './container-record.js';
import { hostnameOf } from './names.js';
import type { FindRunning } from './namespaces.js';
import { sharedNetwork } from './shared-network.js';

/** What a container that is about to start is given of networks. */
export type NetworkParts = Readonly<{
  network: 'host' | 'none' | NamespacePath;
  /** Texts of these files, where the container has networks of ours, or those of another one. */
  files?: Readonly<{ hosts: string; resolvConf: string }>;
  /** Of the other one. */
  hostname?: string;
  /** Variables that tell of containers it is linked with. */
  env: readonly string[];
  /** To be open in the monitor, as long as that lives. */
  held?: HeldPorts;
}>;

type Others = Readonly<{ find: (text: string) => ContainerRecord; findRunning: FindRunning }>;
/** `namespaceOf`: as in the networks' own options. */
type AttachParts = Others &
  Readonly<{ namespaceOf: number | undefined; folderOf: (id: string) => ContainerFolder }>;

const USUAL = 'bridge';

/** Whether it has none of ours: the machine's, another's, or nothing. */
export function isElsewhere({ NetworkMode: mode = '' }: HostConfig): boolean {
  return mode === 'host' || mode === 'none' || mode.startsWith('container:');
}

/** What is asked of networks, with that of the mode among them, and first. */
export function withNetworks(
  hostConfig: HostConfig,
  { EndpointsConfig }: NetworkingConfig,
): NetworkingConfig {
  if (isElsewhere(hostConfig)) return {};
  const first = nameOf(hostConfig.NetworkMode ?? '');
  const asked = Object.entries(EndpointsConfig ?? {}).map(([name, one]) => [nameOf(name), one ?? {}]);
  return { EndpointsConfig: { [first]: {}, ...Object.fromEntries(asked) } };
}

/** The networks of ours that a container is to be in, in this order. */
export function endpointRequests({ networkingConfig }: ContainerRecord): EndpointRequest[] {
  const settings = Object.entries(networkingConfig.EndpointsConfig ?? {});
  return settings.map(([network, one]) => endpointRequest(network, one ?? {}));
}

/** As docker lists them: those of ours, or the mode. */
export function networkNames(record: ContainerRecord): string[] {
  const { hostConfig } = record;
  return isElsewhere(hostConfig)
    ? [hostConfig.NetworkMode ?? '']
    : endpointRequests(record).map(({ network }) => network);
}

/** Docker's members, in our words. */
export function endpointRequest(network: string, settings: EndpointSettings): EndpointRequest {
  const { IPAMConfig, Aliases, Links, MacAddress } = settings;
  return {
    network,
    ...(IPAMConfig?.IPv4Address && { ipv4Address: IPAMConfig.IPv4Address }),
    ...(IPAMConfig?.IPv6Address && { ipv6Address: IPAMConfig.IPv6Address }),
    ...(MacAddress && { macAddress: MacAddress }),
    ...(Aliases && { aliases: Aliases }),
    ...(Links && { links: Links }),
  };
}

/** Before a container is made. @throws {NetworkNotFoundError} @throws {InvalidContainerError} @throws {InvalidNetworkError} */
export function checkNetworks(
  hostConfig: HostConfig,
  networkingConfig: NetworkingConfig,
  networks: Networks,
): void {
  networks.expect(Object.keys(networkingConfig.EndpointsConfig ?? {}));
  publishedPorts(hostConfig.PortBindings ?? {});
  if (!isElsewhere(hostConfig)) return;
  const mode = hostConfig.NetworkMode ?? '';
  if ((hostConfig.Links ?? []).length > 0)
    throw new InvalidContainerError(`conflicting options: ${mode} networking can't be used with links`);
  const publishes = Object.keys(hostConfig.PortBindings ?? {}).length > 0 || hostConfig.PublishAllPorts;
  if (mode.startsWith('container:') && publishes)
    throw new InvalidContainerError(
      'conflicting options: port publishing and the container type network mode',
    );
}

/** Connects a container that is about to start. @throws {RuntimeError} it cannot be. */
export async function attachNetworks(
  record: ContainerRecord,
  networks: Networks,
  { namespaceOf, ...others }: AttachParts,
): Promise<NetworkParts> {
  const { id, name, config, hostConfig } = record;
  const [first, ...rest] = endpointRequests(record);
  if (first === undefined) return withoutNetworks(hostConfig, others);
  const links = (hostConfig.Links ?? []).map((text) => linkTarget(text, first.network, networks, others));
  const exposed = hostConfig.PublishAllPorts === true ? Object.keys(config.ExposedPorts ?? {}) : [];
  const ports = publishedPorts(hostConfig.PortBindings ?? {}, exposed);
  const attachment = await networks.attach(
    { id, name, hostname: hostnameOf(record) },
    [{ ...(config.MacAddress && { macAddress: config.MacAddress }), ...first }, ...rest],
    ports,
    { dnsServers: serversOf(hostConfig, networks), namespaceOf },
  );
  using unless = new DisposableStack();
  unless.use(attachment.held);
  const parts = {
    network: { path: attachment.namespacePath },
    files: filesOf(record, attachment, links, networks),
    env: first.network === USUAL ? links.flatMap((link) => linkEnvironment(name, link)) : [],
    held: attachment.held,
  };
  unless.move();
  return parts;
}

async function withoutNetworks(
  { NetworkMode: mode = '' }: HostConfig,
  finders: Pick<AttachParts, 'findRunning' | 'folderOf'>,
): Promise<NetworkParts> {
  if (mode === 'host') return { network: 'host', env: [] };
  return { network: 'none', ...(await sharedNetwork(mode, finders)), env: [] };
}

function filesOf(
  record: ContainerRecord,
  { endpoints }: Attachment,
  links: readonly LinkTarget[],
  networks: Networks,
) {
  const { config, hostConfig } = record;
  return {
    hosts: containerHosts(endpoints, {
      hostname: hostnameOf(record),
      ...(config.Domainname && { domainname: config.Domainname }),
      extraHosts: hostConfig.ExtraHosts ?? [],
      links: links.map(linkHostsLine),
    }),
    resolvConf: resolvConfOf(record, endpoints, networks),
  };
}

/** Of a container with these networks. */
export function resolvConfOf(
  { hostConfig }: ContainerRecord,
  endpoints: readonly Endpoint[],
  networks: Networks,
): string {
  const { DnsSearch, DnsOptions } = hostConfig;
  return containerResolvConf(endpoints, {
    dns: serversOf(hostConfig, networks),
    dnsSearch: DnsSearch ?? [],
    dnsOptions: DnsOptions ?? [],
  });
}

/** Which were chosen, or have to be; none: those of the machine. */
function serversOf({ Dns }: HostConfig, networks: Networks): readonly string[] {
  return Dns && Dns.length > 0 ? Dns : networks.nameServers;
}

/** @throws {InvalidContainerError} it cannot be reached. */
function linkTarget(text: string, network: string, networks: Networks, { find }: Others): LinkTarget {
  const { container, alias } = parseLink(text);
  const target = find(container);
  if (!isAlive(target))
    throw new InvalidContainerError(`Cannot link to a non running container: /${target.name} AS ${alias}`);
  const { id } = networks.get(network);
  const endpoint = networks.attachmentOf(target.id)?.endpoints.find(({ networkId }) => networkId === id);
  if (endpoint === undefined)
    throw new InvalidContainerError(
      `Cannot link to /${target.name}, as it does not belong to the network ${network}`,
    );
  return {
    id: target.id,
    name: target.name,
    alias,
    ipAddress: endpoint.ipAddress,
    ports: Object.keys(target.config.ExposedPorts ?? {}).flatMap((key) => publishedPorts({ [key]: [] })),
    env: target.config.Env ?? [],
  };
}

/** Docker has several names for its usual bridge. */
function nameOf(network: string): string {
  return network === '' || network === 'default' ? USUAL : network;
}
