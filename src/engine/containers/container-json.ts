import {
  type ContainerRecord,
  commandLine,
  inspectNetworks,
  isAlive,
} from '../../runtime/container/index.js';
import { listPorts, type Networks } from '../../runtime/networks/index.js';
import { inspectMounts } from '../../runtime/volumes/index.js';

/** One line of `docker ps`. @param status as people read it. */
export function listedContainerJson(record: ContainerRecord, networks: Networks, status: string) {
  const { id, name, image, config, hostConfig, createdAt, state } = record;
  const attachment = isAlive(record) ? networks.attachmentOf(id) : undefined; // no other has any
  return {
    Id: id,
    Names: [`/${name}`],
    Image: image.name,
    ImageID: image.id,
    Command: shownCommand(commandLine(config)),
    Created: Math.floor(Date.parse(createdAt) / 1000),
    Ports: listPorts(attachment?.ports ?? [], Object.keys(config.ExposedPorts ?? {})),
    Labels: config.Labels ?? {},
    State: state.status,
    Status: status,
    HostConfig: { NetworkMode: hostConfig.NetworkMode ?? 'default' },
    NetworkSettings: { Networks: inspectNetworks(record, networks, attachment).Networks },
    Mounts: inspectMounts(record.mounts),
  };
}

/** Words as docker's daemon joins them: what holds a space is between quotes, and no other character counts. */
function shownCommand([program = '', ...args]: readonly string[]): string {
  return [program, ...args.map((word) => (word.includes(' ') ? `'${word}'` : word))].join(' ');
}
