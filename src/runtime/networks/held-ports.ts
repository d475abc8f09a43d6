import { closeSync } from 'node:fs';
import { LinuxError, takePort } from '../../linux/index.js';
import { PortTakenError } from './network-errors.js';
import type { TakenPort } from './port-relay.js';
import { portUser } from './port-user.js';
import { isOfSix, type PublishedPort } from './published-port.js';
import { bytesOf, parseAddress } from './subnet.js';

/** Says who of ours has a port, in words for a person. */
export type FindHolder = (port: PublishedPort) => string | undefined;

/** Of any port that is free with one family of addresses: it may not be with the other. */
const MOST_ATTEMPTS = 20;

/**
 * Ports of this machine that are kept from everybody else while their descriptors are open somewhere: hand them to what
 * lives as long as the container, then let go. On IPv4 connections do not come to these sockets: the firewall's rules are
 * before. Those of IPv6 are for a {@link PortRelay}, which is handed on in their place.
 */
export class HeldPorts implements Disposable {
  /** As they were chosen. */
  readonly ports: readonly PublishedPort[];
  #descriptors: readonly number[];
  #six: readonly TakenPort[];

  /** All or none. @throws {PortTakenError} naming who has it. */
  static take(wanted: readonly PublishedPort[], findHolder: FindHolder): HeldPorts {
    const taken: TakenPort[] = [];
    try {
      for (const port of wanted) taken.push(...takeOne(port, findHolder));
    } catch (error) {
      for (const { fd } of taken) closeSync(fd);
      throw error;
    }
    return new HeldPorts(taken);
  }

  private constructor(taken: readonly TakenPort[]) {
    this.ports = taken.map(({ port }) => port);
    this.#descriptors = taken.filter(({ port }) => !isOfSix(port)).map(({ fd }) => fd);
    this.#six = taken.filter(({ port }) => isOfSix(port));
  }

  /** To be handed on. */
  get descriptors(): readonly number[] {
    return this.#descriptors;
  }

  /** Those of IPv4 are for somebody else to take. */
  letGoOfFour(): void {
    for (const fd of this.#descriptors) closeSync(fd);
    this.#descriptors = [];
  }

  /** Hands those of IPv6 to a relay, if there are any. @param start see {@link PortRelay.start}. */
  relay(start: (taken: readonly TakenPort[]) => number): void {
    if (this.#six.length === 0) return;
    const lifeline = start(this.#six);
    this.#six = [];
    this.#descriptors = [...this.#descriptors, lifeline];
  }

  [Symbol.dispose](): void {
    for (const { fd } of this.#six) closeSync(fd);
    this.#six = [];
    this.letGoOfFour();
  }
}

/** One, or two: what names no address is on those of IPv6 too, where the machine has any, as with docker. */
function takeOne(wanted: PublishedPort, findHolder: FindHolder): TakenPort[] {
  const { lastHostPort = wanted.hostPort, ...port } = wanted;
  const hostIps = port.hostIp === '' && hasSix() ? ['', '::'] : [port.hostIp];
  let attempts = port.hostPort === 0 ? MOST_ATTEMPTS : lastHostPort - port.hostPort + 1;
  for (let number = port.hostPort; ; number += port.hostPort === 0 ? 0 : 1) {
    const taken: TakenPort[] = [];
    let one = port;
    try {
      for (const hostIp of hostIps) {
        one = { ...port, hostIp, hostPort: taken[0]?.port.hostPort ?? number };
        const { fd, port: hostPort } = takePort(addressOf(one), one.hostPort, one.protocol);
        taken.push({ fd, port: { ...one, hostPort } });
      }
      return taken;
    } catch (error) {
      for (const { fd } of taken) closeSync(fd);
      attempts -= 1;
      if (attempts === 0) throw explained(error, one, findHolder);
    }
  }
}

/** Whether connections over IPv6 come to this machine at all: docker asks the same. */
function hasSix(): boolean {
  try {
    closeSync(takePort(bytesOf({ family: 6, value: 1n }), 0, 'tcp').fd);
    return true;
  } catch (error) {
    if (error instanceof LinuxError) return false;
    throw error;
  }
}

function addressOf({ hostIp }: PublishedPort): Uint8Array {
  return bytesOf(parseAddress(hostIp || '0.0.0.0') ?? { family: 4, value: 0n });
}

function explained(error: unknown, port: PublishedPort, findHolder: FindHolder): unknown {
  if (!(error instanceof LinuxError)) return error;
  const { hostIp, hostPort, protocol } = port;
  const place = isOfSix(port) ? `[${hostIp}]:${hostPort}` : `${hostIp || '0.0.0.0'}:${hostPort}`;
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
