import { RuntimeUnavailableError } from '../errors.js';
import { runProgram } from '../programs.js';
import { type AddressPool, choosePool, expectSubnet, inventPool6 } from './address-pool.js';
import { hasDevice, hostRoutes } from './host-routes.js';
import { deviceOf, isSix, type Network, OPTION, type parseNetworkRequest } from './network.js';
import { InvalidNetworkError, NetworkForbiddenError } from './network-errors.js';
import { networkProgram } from './network-programs.js';
import { overlap, type Subnet } from './subnet.js';

/**
 * The pools of a new network: those that were asked for, or ones that nobody has.
 * @param others the networks that there are. @throws {NetworkForbiddenError}
 */
export function poolsFor(
  { pools, hasIPv6 }: Pick<ReturnType<typeof parseNetworkRequest>, 'pools' | 'hasIPv6'>,
  others: readonly Network[],
): AddressPool[] {
  const taken = others.flatMap((network) => network.pools.map(({ subnet }) => expectSubnet(subnet)));
  for (const { subnet } of pools) {
    if (taken.some((other) => overlap(other, expectSubnet(subnet))))
      throw new NetworkForbiddenError(
        `invalid pool request: Pool overlaps with other one on this address space: ${subnet} is used by ` +
          `${holderOf(expectSubnet(subnet), others)}`,
      );
  }
  const onHost = hostRoutes().map(({ subnet }) => subnet);
  const four = pools.find((pool) => !isSix(pool)) ?? choosePool([...taken, ...onHost]);
  const six = pools.find(isSix) ?? (hasIPv6 ? inventPool6() : undefined);
  return six === undefined ? [four] : [four, six];
}

/** Its devices can be had. @throws {InvalidNetworkError} @throws {NetworkForbiddenError} @throws {RuntimeUnavailableError} */
export async function expectDevices(network: Network, others: readonly Network[]): Promise<void> {
  if (network.driver === 'macvlan') return expectMacvlan(network);
  const device = deviceOf(network);
  const holder = others.find((other) => other.driver === 'bridge' && deviceOf(other) === device);
  if (holder !== undefined)
    throw new NetworkForbiddenError(`the network ${holder.name} has the bridge ${device}`);
  if (network.options[OPTION.bridgeName] !== undefined && hasDevice(device))
    throw new NetworkForbiddenError(
      `there is a network device ${device} that is not Berth's: name another bridge`,
    );
}

/** Whether the kernel can, found out by doing it. */
async function expectMacvlan({ id, options }: Network): Promise<void> {
  const parent = options[OPTION.parent];
  if (parent === undefined)
    throw new InvalidNetworkError('a macvlan network needs a device of this machine: -o parent=eth0');
  if (!hasDevice(parent))
    throw new InvalidNetworkError(
      `invalid parent ${parent}: there is no such network device on this machine`,
    );
  const [ip, probe] = [networkProgram('ip'), `mv-${id.slice(0, 12)}`];
  const mode = options[OPTION.macvlanMode] ?? 'bridge';
  try {
    await runProgram([ip, 'link', 'add', 'link', parent, 'name', probe, 'type', 'macvlan', 'mode', mode]);
    await runProgram([ip, 'link', 'delete', probe]);
  } catch (error) {
    throw new RuntimeUnavailableError(
      `macvlan is not possible on ${parent}: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
}

function holderOf(subnet: Subnet, others: readonly Network[]): string {
  const holder = others.find(({ pools }) => pools.some((pool) => overlap(expectSubnet(pool.subnet), subnet)));
  return `the network ${holder?.name}`;
}
