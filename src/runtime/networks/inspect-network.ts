import type { AddressPool } from './address-pool.js';
import type { Endpoint } from './endpoint.js';
import type { Network } from './network.js';

/** Endpoints of a network, with the containers that they are of. */
export type Member = Readonly<{ container: string; name: string; endpoint: Endpoint }>;

export type NetworkInspect = ReturnType<typeof inspectNetwork>;

/** A network as `docker network inspect` shows it: Engine API, GET /networks/(id). */
export function inspectNetwork(network: Network, members: readonly Member[] = []) {
  return {
    Name: network.name,
    Id: network.id,
    Created: network.createdAt,
    Scope: 'local',
    Driver: network.driver,
    EnableIPv4: true,
    EnableIPv6: network.hasIPv6,
    IPAM: {
      Driver: 'default',
      Options: network.name === 'bridge' || network.pools.length === 0 ? null : {},
      Config: network.pools.length === 0 ? null : network.pools.map(inspectPool),
    },
    Internal: network.isInternal,
    Attachable: network.isAttachable,
    Ingress: false,
    ConfigFrom: { Network: '' },
    ConfigOnly: false,
    Containers: Object.fromEntries(members.map((member) => [member.container, inspectMember(member)])),
    Options: network.options,
    Labels: network.labels,
  };
}

function inspectPool({ subnet, range, gateway, auxiliary }: AddressPool) {
  return {
    Subnet: subnet,
    ...(range !== undefined && { IPRange: range }),
    Gateway: gateway,
    ...(auxiliary !== undefined && { AuxiliaryAddresses: auxiliary }),
  };
}

function inspectMember({ name, endpoint }: Member) {
  const { ipAddress, prefixLength, ipv6Address, ipv6PrefixLength } = endpoint;
  return {
    Name: name,
    EndpointID: endpoint.endpointId,
    MacAddress: endpoint.macAddress,
    IPv4Address: ipAddress && `${ipAddress}/${prefixLength}`,
    IPv6Address: ipv6Address && `${ipv6Address}/${ipv6PrefixLength}`,
  };
}
