import { networkNames } from './container-networks.js';
import type { ContainerRecord } from './container-record.js';
import type { HostParts } from './host-parts.js';

/** Tells, before its start is told of, what a container is in and has now: networks, then volumes, as docker does. */
export function postHeld(parts: HostParts, record: ContainerRecord): void {
  postNetworks(parts, record, 'connect');
  for (const { name, destination, readOnly } of volumesOf(record)) {
    const place = { destination, propagation: '', 'read/write': String(!readOnly) };
    postVolume(parts, record, name, { action: 'mount', place });
  }
}

/** And after its end, what it is in and has no more. */
export function postLeft(parts: HostParts, record: ContainerRecord): void {
  postNetworks(parts, record, 'disconnect');
  for (const { name } of volumesOf(record)) postVolume(parts, record, name, { action: 'unmount', place: {} });
}

function postNetworks(parts: HostParts, record: ContainerRecord, action: 'connect' | 'disconnect'): void {
  for (const text of networkNames(record)) {
    const network = parts.networks.find(text);
    if (network === undefined) continue; // that of another container, or it was removed by force
    const { id, name, driver } = network;
    const attributes = { container: record.id, name, type: driver };
    parts.events.post({ type: 'network', action, actor: id, attributes });
  }
}

function postVolume(
  parts: HostParts,
  record: ContainerRecord,
  name: string,
  { action, place }: Readonly<{ action: 'mount' | 'unmount'; place: Readonly<Record<string, string>> }>,
): void {
  const attributes = { container: record.id, driver: 'local', ...place };
  parts.events.post({ type: 'volume', action, actor: name, attributes });
}

function volumesOf({ mounts }: ContainerRecord) {
  return mounts.flatMap((point) => (point.type === 'volume' ? [point] : []));
}
