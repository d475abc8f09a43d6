import { closeSync } from 'node:fs';
import { LinuxError, takePort } from '../../linux/index.js';
import { PortTakenError } from './network-errors.js';
import { portUser } from './port-user.js';
import type { PublishedPort } from './published-port.js';
import { bytesOf, parseAddress } from './subnet.js';

/** Says who of ours has a port, in words for a person. */
export type FindHolder = (port: PublishedPort) => string | undefined;

/**
 * Ports of this machine that are kept from everybody else while their descriptors are open somewhere: hand them to what
 * lives as long as the container, then let go. Connections do not come to these sockets: the firewall's rules are before.
 */
export class HeldPorts implements Disposable {
  /** As they were chosen. */
  readonly ports: readonly PublishedPort[];
  #descriptors: readonly number[];

  /** All or none. @throws {PortTakenError} naming who has it. */
  static take(wanted: readonly PublishedPort[], findHolder: FindHolder): HeldPorts {
    const taken: { fd: number; port: PublishedPort }[] = [];
    try {
      for (const port of wanted) taken.push(takeOne(port, findHolder));
    } catch (error) {
      for (const { fd } of taken) closeSync(fd);
      throw error;
    }
    return new HeldPorts(taken);
  }

  private constructor(taken: readonly { fd: number; port: PublishedPort }[]) {
    this.ports = taken.map(({ port }) => port);
    this.#descriptors = taken.map(({ fd }) => fd);
  }

  /** To be handed on. */
  get descriptors(): readonly number[] {
    return this.#descriptors;
  }

  /** For somebody else to take. */
  letGo(): void {
    for (const fd of this.#descriptors) closeSync(fd);
    this.#descriptors = [];
  }

  [Symbol.dispose](): void {
    this.letGo();
  }
}

function takeOne(wanted: PublishedPort, findHolder: FindHolder): { fd: number; port: PublishedPort } {
  const { lastHostPort = wanted.hostPort, ...port } = wanted;
  for (let number = port.hostPort; ; number += 1) {
    const one = { ...port, hostPort: number };
    try {
      const { fd, port: chosen } = takePort(addressOf(one), number, one.protocol);
      return { fd, port: { ...one, hostPort: chosen } };
    } catch (error) {
      if (number < lastHostPort) continue;
      throw explained(error, one, findHolder);
    }
  }
}

function addressOf({ hostIp }: PublishedPort): Uint8Array {
  return bytesOf(parseAddress(hostIp || '0.0.0.0') ?? { family: 4, value: 0n });
}

function explained(error: unknown, port: PublishedPort, findHolder: FindHolder): unknown {
  if (!(error instanceof LinuxError)) return error;
  const { hostIp, hostPort, protocol } = port;
  const place = hostIp.includes(':') ? `[${hostIp}]:${hostPort}` : `${hostIp || '0.0.0.0'}:${hostPort}`;
  const bind = `Bind for ${place}${protocol === 'tcp' ? '' : `/${protocol}`} failed`;
  if (error.code === 'EACCES')
    return new PortTakenError(
      `${bind}: ports below 1024 are root's: take another, or have an administrator run ` +
        `sysctl net.ipv4.ip_unprivileged_port_start=${hostPort}`,
      { cause: error },
    );
  if (error.code !== 'EADDRINUSE') return new PortTakenError(`${bind}: ${error.message}`, { cause: error });
  const holder = findHolder(port) ?? portUser(hostPort, protocol);
  return new PortTakenError(
    `${bind}: port is already allocated${holder === undefined ? '' : `: ${holder} has it`}`,
    {
      cause: error,
    },
  );
}
