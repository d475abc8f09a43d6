import { inspectPorts, placeText } from '../runtime/networks/index.js';
import { openContainerHost } from './container-host.js';
import { UsageError } from './failure.js';
import type { StoreFlags } from './image-store.js';

/** `berth port`: as docker, `80/tcp -> 0.0.0.0:8080`; of one port only where it is. */
export async function showPorts(name: string, port: string | undefined, flags: StoreFlags): Promise<void> {
  using opened = await openContainerHost(flags);
  const { id } = await opened.host.get(name);
  const ports = inspectPorts(opened.host.networks.attachmentOf(id)?.ports ?? []);
  if (port === undefined) {
    const lines = Object.entries(ports).flatMap(([key, places]) =>
      (places ?? []).map((place) => `${key} -> ${placeText(place)}`),
    );
    process.stdout.write(lines.map((line) => `${line}\n`).join(''));
    return;
  }
  const places = ports[keyOf(port)] ?? [];
  if (places.length === 0) throw new Error(`no public port '${port}' published for ${name}`);
  process.stdout.write(places.map((place) => `${placeText(place)}\n`).join(''));
}

/** @throws {UsageError} */
function keyOf(text: string): string {
  const [, port, protocol = 'tcp'] = /^(\d{1,5})(?:\/(tcp|udp|sctp))?$/i.exec(text) ?? [];
  if (port === undefined) throw new UsageError(`invalid port ${text}: write 80, or 53/udp`);
  return `${port}/${protocol.toLowerCase()}`;
}
