import { join } from 'node:path';
import { type Connection, Netavark, type NetworkPlumbing } from './netavark.js';
import { NetworkForbiddenError } from './network-errors.js';
import { networkProgram } from './network-programs.js';
import { type HasOthers, OwnBridges } from './own-bridges.js';
import { isOfSix, type PublishedPort } from './published-port.js';
import { SLIRP_NAME_SERVER, SlirpNetwork } from './slirp.js';

/**
 * Networks of an ordinary user: the same bridges, rules and names, made in a network namespace of the user's own, which
 * slirp4netns connects with the outside while some container is in a network. A published port has two ways to go: to the
 * same port inside, and from there as netavark has it.
 */
export class UserPlumbing implements NetworkPlumbing {
  readonly takesPorts = true;
  readonly nameServers = [SLIRP_NAME_SERVER];
  readonly #outer: SlirpNetwork;
  readonly #netavark: Netavark;
  readonly #inner: OwnBridges;
  readonly #published: () => readonly PublishedPort[];

  /**
   * @param directory of one $BERTH_ROOT and boot.
   * @param published the ports of all containers: slirp4netns may be killed, and started again.
   */
  constructor(directory: string, hasOthers: HasOthers, published: () => readonly PublishedPort[]) {
    this.#published = published;
    this.#outer = new SlirpNetwork(directory);
    this.#netavark = new Netavark(join(directory, 'names'), () => [
      ...[networkProgram('nsenter'), `--net=${this.#outer.namespace}`],
      ...['env', `XTABLES_LOCKFILE=${join(directory, 'xtables.lock')}`], // the usual one is root's
    ]);
    this.#inner = new OwnBridges(this.#netavark, hasOthers);
  }

  get prefix(): readonly string[] {
    return this.#netavark.prefix;
  }

  async setUp(namespace: string, connection: Connection): Promise<void> {
    const { network, ports } = connection;
    if (network.driver === 'macvlan')
      throw new NetworkForbiddenError(
        `the network ${network.name} needs a device of this machine, which only root can give: run the container as root`,
      );
    if (!this.#outer.isUp) {
      await this.#outer.up();
      // One that somebody has taken meanwhile is lost to its container, and is no fault of this one.
      for (const port of this.#published().filter(isOfFour)) await this.#outer.publish(port).catch(() => {});
    }
    await this.#inner.setUp(namespace, inside(connection));
    for (const port of ports.filter(isOfFour)) await this.#outer.publish(port);
  }

  async tearDown(namespace: string, connection: Connection): Promise<void> {
    for (const port of connection.ports.filter(isOfFour)) await this.#outer.withdraw(port);
    await this.#inner.tearDown(namespace, inside(connection));
  }

  /** Without slirp4netns: whatever made that fail would keep what failed for ever. */
  async clear(namespace: string, connection: Connection): Promise<void> {
    await this.#outer.make();
    // One that cannot be withdrawn is when it is published anew.
    for (const port of connection.ports.filter(isOfFour)) await this.#outer.withdraw(port).catch(() => {});
    await this.#inner.setUp(namespace, inside(connection));
    await this.#inner.tearDown(namespace, inside(connection));
  }

  async reviveNames(): Promise<void> {
    if (this.#outer.isUp) await this.#netavark.reviveNames();
  }

  async rest(): Promise<void> {
    this.#outer.down();
  }
}

/** Those of IPv6 have relays. */
function isOfFour(port: PublishedPort): boolean {
  return !isOfSix(port);
}

/** Whatever address of the machine a connection came to, inside it comes to one. */
function inside(connection: Connection): Connection {
  return { ...connection, ports: connection.ports.filter(isOfFour).map((port) => ({ ...port, hostIp: '' })) };
}
