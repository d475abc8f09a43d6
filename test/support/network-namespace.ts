import { randomBytes, randomInt } from 'node:crypto';
import { type CommandPrefix, run } from './run.js';

/**
 * A network of two: this machine, and programs that run inside. What such a program does to addresses and firewalls
 * stays there. Needs root.
 */
export class NetworkNamespace implements AsyncDisposable {
  readonly name: string;
  /** Of the inside, seen from both sides. */
  readonly address: string;

  private constructor(name: string, address: string) {
    this.name = name;
    this.address = address;
  }

  static async create(): Promise<NetworkNamespace> {
    const id = randomBytes(5).toString('hex');
    const name = `berth-${id}`;
    const outer = outerOf(name);
    await run(['ip', 'netns', 'add', name]);
    try {
      await run(['ip', 'link', 'add', outer, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name]);
      await run(['ip', 'link', 'set', outer, 'up']);
      const namespace = new NetworkNamespace(name, `${await claimNetwork(outer)}.2`);
      await namespace.run(['ip', 'address', 'add', `${namespace.address}/30`, 'dev', 'eth0']);
      await namespace.run(['ip', 'link', 'set', 'eth0', 'up']);
      await namespace.run(['ip', 'link', 'set', 'lo', 'up']);
      return namespace;
    } catch (error) {
      await run(['ip', 'netns', 'delete', name]);
      throw error;
    }
  }

  /** Addresses of IPv6 too: this machine has the first of a /64, the inside the second. @param network `fd00::`. */
  async addSix(network: string): Promise<void> {
    const add = (host: number, device: string) =>
      ['ip', 'address', 'add', `${network}${host}/64`, 'dev', device, 'nodad'] as const;
    await run(add(1, outerOf(this.name)));
    await this.run(add(2, 'eth0'));
  }

  /** Of this machine, seen from inside. */
  get outside(): string {
    return this.address.replace(/\.2$/, '.1');
  }

  /** Put before a command, runs it inside. Not `ip netns exec`: that also remounts /sys, and hides the cgroups. */
  get prefix(): CommandPrefix {
    return ['nsenter', `--net=/run/netns/${this.name}`];
  }

  /** Runs a program inside. */
  run(command: readonly string[]): Promise<string> {
    return run([...this.prefix, ...command]);
  }

  /** Takes the pair of devices along. */
  async [Symbol.asyncDispose](): Promise<void> {
    await run(['ip', 'netns', 'delete', this.name]);
  }
}

/** The end of the pair that stays on this machine; 15 characters are the most that there may be. */
const outerOf = (name: string) => name.replace('berth-', 'bt');

/** Gives a device the first address of a network that no other device has. @returns its first three numbers. */
async function claimNetwork(device: string): Promise<string> {
  for (;;) {
    const network = `10.${randomInt(200, 250)}.${randomInt(250)}`;
    try {
      // The same address may be on many devices, but a route leads to one: the kernel takes no second one.
      await run(['ip', 'route', 'add', `${network}.0/30`, 'dev', device]);
    } catch (error) {
      if (String(error).includes('File exists')) continue;
      throw error;
    }
    await run(['ip', 'address', 'add', `${network}.1/30`, 'dev', device, 'noprefixroute']);
    return network;
  }
}
