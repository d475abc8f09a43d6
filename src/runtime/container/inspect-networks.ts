import { type Attachment, inspectEndpoint, inspectPorts, type Networks } from '../networks/index.js';
import { endpointRequests } from './container-networks.js';
import type { ContainerRecord } from './container-record.js';

/**
 * Docker's NetworkSettings: with addresses while the container runs, else only which networks it is to have.
 * @param attachment what the container has now: {@link Networks.attachmentOf}.
 */
export function inspectNetworks(
  record: ContainerRecord,
  networks: Networks,
  attachment: Attachment | undefined,
) {
  const exposed = attachment === undefined ? [] : Object.keys(record.config.ExposedPorts ?? {});
  const endpoints = attachment?.endpoints ?? [];
  const shown = endpoints.map((endpoint) => [endpoint.networkName, inspectEndpoint(endpoint)]);
  const planned = endpointRequests(record).map(({ network, aliases = [], links = [] }) => [
    network,
    { ...NOWHERE, Aliases: aliases.length > 0 ? aliases : null, Links: links.length > 0 ? links : null },
  ]);
  const first = endpoints.find(({ networkName }) => networkName === 'bridge');
  return {
    Bridge: '',
    SandboxID: attachment === undefined ? '' : record.id,
    SandboxKey: attachment?.namespacePath ?? '',
    Ports: inspectPorts(attachment?.ports ?? [], exposed),
    EndpointID: first?.endpointId ?? '',
    Gateway: first?.gateway ?? '',
    IPAddress: first?.ipAddress ?? '',
    IPPrefixLen: first?.prefixLength ?? 0,
    IPv6Gateway: first?.ipv6Gateway ?? '',
    GlobalIPv6Address: first?.ipv6Address ?? '',
    GlobalIPv6PrefixLen: first?.ipv6PrefixLength ?? 0,
    MacAddress: first?.macAddress ?? '',
    Networks:
      machineNetwork(record, networks) ?? Object.fromEntries(attachment === undefined ? planned : shown),
  };
}

/** Of one that has the machine's network, or none: docker counts these as networks. */
function machineNetwork({ hostConfig: { NetworkMode: mode = '' } }: ContainerRecord, networks: Networks) {
  if (mode !== 'none' && mode !== 'host') return undefined;
  return { [mode]: { ...NOWHERE, NetworkID: networks.predefinedId(mode), Aliases: null, Links: null } };
}

const NOWHERE = {
  IPAMConfig: null,
  MacAddress: '',
  NetworkID: '',
  EndpointID: '',
  Gateway: '',
  IPAddress: '',
  IPPrefixLen: 0,
  IPv6Gateway: '',
  GlobalIPv6Address: '',
  GlobalIPv6PrefixLen: 0,
  DriverOpts: null,
  DNSNames: null,
};
