/**
 * Networks of this machine and the containers in them: addresses, names, published ports, and the texts that a container
 * is given about all that. Knows nothing of how a container is run. Start with networks.ts, then attachments.ts; netavark.ts
 * is where devices and firewall rules are made.
 */

export type { Attachment, AttachOptions } from './attachments.js';
export { type Endpoint, type EndpointRequest, inspectEndpoint, type NetworkedContainer } from './endpoint.js';
export type { HeldPorts } from './held-ports.js';
export { inspectNetwork, type NetworkInspect } from './inspect-network.js';
export { type LinkTarget, linkEnvironment, linkHostsLine, parseLink } from './links.js';
export type { Network, NetworkRequest } from './network.js';
export { NETWORKS_SCHEMA } from './network-store.js';
export { checkHosts, containerHosts, containerResolvConf, type DnsOptions } from './network-texts.js';
export { Networks, type NetworksOptions, networksPlace } from './networks.js';
export { portsText } from './ports-text.js';
export {
  inspectPorts,
  listPorts,
  type PortBindings,
  type PublishedPort,
  placeText,
  publishedPorts,
} from './published-port.js';
