/** What is asked of one network for one container. Docker's EndpointSettings, in our words. */
export type EndpointRequest = Readonly<{
  /** Name, id or the beginning of an id. */
  network: string;
  ipv4Address?: string;
  ipv6Address?: string;
  macAddress?: string;
  aliases?: readonly string[];
  /** CONTAINER[:ALIAS], kept for those who look; see links.ts for what becomes of them. */
  links?: readonly string[];
}>;

/** A container in a network: what docker's NetworkSettings.Networks shows. Addresses are '' where there is none. */
export type Endpoint = Readonly<{
  networkId: string;
  networkName: string;
  /** 64 hexadecimal digits. */
  endpointId: string;
  /** In the container: eth0. */
  interfaceName: string;
  ipAddress: string;
  prefixLength: number;
  gateway: string;
  ipv6Address: string;
  ipv6PrefixLength: number;
  ipv6Gateway: string;
  macAddress: string;
  aliases: readonly string[];
  links: readonly string[];
  /** Names by which others in the network find it; none on docker's usual bridge. */
  dnsNames: readonly string[];
  /** Which address answers for those; '' where nobody does. */
  dnsServer: string;
}>;

/** A container that has networks. */
export type NetworkedContainer = Readonly<{
  /** 64 hexadecimal digits. */
  id: string;
  name: string;
  hostname: string;
}>;

/** As docker's NetworkSettings.Networks has it: Engine API, GET /containers/(id)/json. */
export function inspectEndpoint(endpoint: Endpoint) {
  return {
    IPAMConfig: null,
    Links: endpoint.links.length > 0 ? endpoint.links : null,
    Aliases: endpoint.aliases.length > 0 ? endpoint.aliases : null,
    MacAddress: endpoint.macAddress,
    NetworkID: endpoint.networkId,
    EndpointID: endpoint.endpointId,
    Gateway: endpoint.gateway,
    IPAddress: endpoint.ipAddress,
    IPPrefixLen: endpoint.prefixLength,
    IPv6Gateway: endpoint.ipv6Gateway,
    GlobalIPv6Address: endpoint.ipv6Address,
    GlobalIPv6PrefixLen: endpoint.ipv6PrefixLength,
    DriverOpts: null,
    DNSNames: endpoint.dnsNames.length > 0 ? endpoint.dnsNames : null,
  };
}
