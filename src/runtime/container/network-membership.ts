import { ContainerNotFoundError, ContainerStateError } from '../errors.js';
import type { Network } from '../networks/index.js';
import type { EndpointSettings } from './configuration.js';
import { endpointRequest, isElsewhere } from './container-networks.js';
import { type ContainerRecord, isAlive } from './container-record.js';
import type { HostParts } from './host-parts.js';
import { hostnameOf } from './names.js';
import { renewResolvConf } from './renew-resolv-conf.js';

/** One more network for a container, under its lock; at once if it runs. @throws as ContainerHost.connect. */
export async function connectNetwork(
  parts: HostParts,
  record: ContainerRecord,
  name: string,
  settings: EndpointSettings,
): Promise<void> {
  const { id, hostConfig, networkingConfig } = record;
  const network = parts.networks.get(name);
  if (isElsewhere(hostConfig))
    throw new ContainerStateError(
      `container ${record.name} has the network mode ${hostConfig.NetworkMode}, and can have no other network`,
    );
  const container = { id, name: record.name, hostname: hostnameOf(record) };
  const request = endpointRequest(network.id, settings);
  parts.networks.expectConnectable(container, request);
  const others = networkingConfig.EndpointsConfig ?? {};
  if (Object.hasOwn(others, network.name))
    throw new ContainerStateError(
      `endpoint with name ${record.name} already exists in network ${network.name}`,
    );
  if (isAlive(record)) {
    await changeNetworks(parts, record, async () => {
      await parts.networks.connect(container, request);
    });
  }
  parts.store.configure(id, {
    networkingConfig: { EndpointsConfig: { ...others, [network.name]: settings } },
  });
  post(parts, network, 'connect', id);
}

/** One network less for it, under its lock. @throws as ContainerHost.disconnect. */
export async function disconnectNetwork(
  parts: HostParts,
  record: ContainerRecord,
  name: string,
): Promise<void> {
  const { id, networkingConfig } = record;
  const network = parts.networks.get(name);
  const { [network.name]: gone, ...others } = networkingConfig.EndpointsConfig ?? {};
  if (gone === undefined)
    throw new ContainerStateError(`container ${record.name} is not connected to network ${network.name}`);
  if (isAlive(record)) {
    await changeNetworks(parts, record, () => parts.networks.disconnect(id, network.id));
  }
  parts.store.configure(id, { networkingConfig: { EndpointsConfig: others } });
  post(parts, network, 'disconnect', id);
}

/** Of one that runs: what it is told of servers for names follows. */
async function changeNetworks(
  parts: HostParts,
  record: ContainerRecord,
  change: () => Promise<void>,
): Promise<void> {
  const endpoints = () => parts.networks.attachmentOf(record.id)?.endpoints ?? [];
  await parts.networks.adopt(record.id, record.state.pid);
  const before = endpoints();
  await change();
  renewResolvConf(parts, record, before, endpoints());
}

/** What a container that is no more has left in a network. @throws {ContainerNotFoundError} nothing. */
export async function forgetMember(parts: HostParts, text: string, name: string): Promise<void> {
  const network = parts.networks.get(name);
  const member = parts.networks
    .members(network)
    .find((one) => one.container === text || one.name === text.replace(/^\//, ''));
  if (member === undefined) throw new ContainerNotFoundError(text);
  await parts.networks.disconnect(member.container, network.id);
  post(parts, network, 'disconnect', member.container);
}

function post(parts: HostParts, { id, name, driver }: Network, action: string, container: string): void {
  parts.events.post({ type: 'network', action, actor: id, attributes: { container, name, type: driver } });
}
