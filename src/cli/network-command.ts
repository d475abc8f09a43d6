import { type Command, Option } from 'commander';
import { examples } from './help.js';
import { addStoreOptions } from './image-store.js';
import { filterOption, pruneFilterOption, rowsFormat, thingFormat } from './list-options.js';
import type {
  ConnectFlags,
  CreateNetworkFlags,
  DisconnectFlags,
  InspectNetworkFlags,
  ListNetworksFlags,
  PruneNetworksFlags,
  RemoveNetworksFlags,
} from './network.js';
import { collect } from './repeated-option.js';

/** `berth network ...`, with docker's flags. */
export function addNetworkCommands(network: Command): void {
  addCreate(network);
  addList(network);
  addInspect(network);
  addConnect(network);
  addDisconnect(network);
  addRemove(network);
  addPrune(network);
}

function addCreate(network: Command): void {
  const command = network
    .command('create')
    .description('make a network')
    .argument('<name>', 'of the network')
    .option('-d, --driver <driver>', 'bridge or macvlan', 'bridge')
    .option('--subnet <subnet>', 'in CIDR; else one that is free', collect, [])
    .option('--gateway <address>', 'of this machine in the subnet', collect, [])
    .option('--ip-range <range>', 'where addresses that nobody asks for come from', collect, [])
    .option('--aux-address <name=address>', 'an address that is never given away', collect, [])
    .option('--internal', 'without a way out of it')
    .option('--ipv6', 'with addresses of IPv6 too')
    .addOption(new Option('--ipv4', 'of docker: every network has addresses of IPv4').hideHelp())
    .option('--attachable', 'of docker, for swarms: kept, and shown')
    .option('-o, --opt <key=value>', 'of the driver: parent, com.docker.network.driver.mtu', collect, [])
    .option('--label <label>', 'key=value', collect, [])
    .addOption(new Option('--ipam-driver <driver>', 'of docker').default('default').hideHelp())
    .addOption(new Option('--scope <scope>', 'of docker').default('local').hideHelp())
    .addHelpText(
      'after',
      examples(
        ['berth network create app', 'containers in it find each other by name'],
        [
          'berth network create --subnet 10.5.0.0/16 --ip-range 10.5.9.0/24 lab',
          'with addresses of your own',
        ],
        ['berth network create -d macvlan -o parent=eth0 --subnet 192.168.1.0/24 lan', 'beside this machine'],
      ),
    )
    .action(async (name: string, flags: CreateNetworkFlags) => {
      const { createNetwork } = await import('./network.js');
      await createNetwork(name, flags);
    });
  addStoreOptions(command);
}

function addList(network: Command): void {
  const command = network
    .command('ls')
    .alias('list')
    .description('list the networks')
    .option('-q, --quiet', 'only the ids')
    .option('--no-trunc', 'ids as they are')
    .option(...filterOption('dangling, driver, id, label, name, scope, type'))
    .option(...rowsFormat('{{.ID}} {{.Name}}'))
    .addHelpText(
      'after',
      examples(
        ['berth network ls --filter type=custom', 'those that somebody made'],
        ["berth network ls --format '{{.Name}}: {{.Driver}}'", 'as you like it'],
      ),
    )
    .action(async (flags: ListNetworksFlags) => {
      const { listNetworks } = await import('./network.js');
      listNetworks(flags);
    });
  addStoreOptions(command);
}

function addInspect(network: Command): void {
  const command = network
    .command('inspect')
    .description('print all about networks, as JSON')
    .argument('<network...>', 'names or ids')
    .option(...thingFormat('{{json .Containers}}'))
    .addOption(new Option('-v, --verbose', 'of docker, for swarms').hideHelp())
    .addHelpText(
      'after',
      examples(["berth network inspect -f '{{json .Containers}}' app", 'who is in it, and where']),
    )
    .action(async (names: string[], flags: InspectNetworkFlags) => {
      const { inspectNetworks } = await import('./network.js');
      await inspectNetworks(names, flags);
    });
  addStoreOptions(command);
}

function addConnect(network: Command): void {
  const command = network
    .command('connect')
    .description('connect a container to one more network, also while it runs')
    .argument('<network>', 'name or id')
    .argument('<container>', 'name or id')
    .option('--ip <address>', 'its address there')
    .option('--ip6 <address>', 'its address of IPv6 there')
    .option('--alias <name>', 'another name of it there', collect, [])
    .option('--link <container>', 'NAME[:ALIAS], kept and shown', collect, [])
    .addHelpText('after', examples(['berth network connect --alias db app postgres', 'known as db too']))
    .action(async (name: string, container: string, flags: ConnectFlags) => {
      const { connectNetwork } = await import('./network.js');
      await connectNetwork(name, container, flags);
    });
  addStoreOptions(command);
}

function addDisconnect(network: Command): void {
  const command = network
    .command('disconnect')
    .description('take a container out of a network, also while it runs')
    .argument('<network>', 'name or id')
    .argument('<container>', 'name or id')
    .option('-f, --force', 'also when there is no such container any more')
    .addHelpText('after', examples(['berth network disconnect app postgres', 'its address is free again']))
    .action(async (name: string, container: string, flags: DisconnectFlags) => {
      const { disconnectNetwork } = await import('./network.js');
      await disconnectNetwork(name, container, flags);
    });
  addStoreOptions(command);
}

function addRemove(network: Command): void {
  const command = network
    .command('rm')
    .alias('remove')
    .description('remove networks that no running container is in')
    .argument('<network...>', 'names or ids')
    .option('-f, --force', 'no failure for networks that there are not')
    .addHelpText('after', examples(['berth network rm app', 'refused while a container runs in it']))
    .action(async (names: string[], flags: RemoveNetworksFlags) => {
      const { removeNetworks } = await import('./network.js');
      await removeNetworks(names, flags);
    });
  addStoreOptions(command);
}

function addPrune(network: Command): void {
  const command = network
    .command('prune')
    .description('remove all networks that no running container is in')
    .option('-f, --force', 'do not ask')
    .option(...pruneFilterOption('until=24h, label=..., label!=...'))
    .addHelpText('after', examples(['berth network prune -f --filter until=24h', 'older ones only']))
    .action(async (flags: PruneNetworksFlags) => {
      const { pruneNetworks } = await import('./network.js');
      await pruneNetworks(flags);
    });
  addStoreOptions(command);
}
