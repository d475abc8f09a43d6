import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { isRunning, processIdentity, readIfAny } from '../../linux/index.js';
import { RuntimeError, RuntimeUnavailableError } from '../errors.js';
import { isMountPoint } from '../own-mounts.js';
import { untilReady } from '../until-ready.js';
import { PortTakenError } from './network-errors.js';
import { addNamespace, removeNamespace } from './network-namespaces.js';
import { networkProgram } from './network-programs.js';
import type { PublishedPort } from './published-port.js';

/** Where slirp4netns answers for the name servers of the machine, also for those that only the machine reaches. */
export const SLIRP_NAME_SERVER = '10.0.2.3';
/** The end of the tap device that slirp4netns is not at: ports come in there. */
const INNER_ADDRESS = '10.0.2.100';
const DEVICE = 'tap0';
const MTU = '65520';
const TUN = '/dev/net/tun';
const TUN_HINT =
  `an administrator can let all users open it with chmod 666 ${TUN}, after modprobe tun if it is not there; ` +
  '--network none and --network host do without';
/** It stays in the mounts that it was started in, so that these are there as long as it is; what it starts ends with it. */
const HOLDER = '"$@"; exit $?';

type Forward = Readonly<{
  id: number;
  proto: string;
  host_addr: string;
  host_port: number;
}>;

/**
 * A network namespace of an ordinary user, in which bridges and firewall rules may be made. slirp4netns leads out of it: it
 * makes the connections of those inside its own, as any program may, and listens on the published ports.
 *
 * Whoever changes something is alone.
 */
export class SlirpNetwork {
  /** The file that the namespace is mounted on. */
  readonly namespace: string;
  readonly #socket: string;
  readonly #holder: string;

  /** @param directory of one $BERTH_ROOT and boot. */
  constructor(directory: string) {
    this.namespace = join(directory, 'outer');
    this.#socket = join(directory, 'slirp.sock');
    this.#holder = join(directory, 'slirp.pid');
  }

  /** Whether it is there. */
  get isUp(): boolean {
    return isRunning(readIfAny(this.#holder)) === true && isThere(this.namespace);
  }

  /** The namespace, if it is missing, which nothing leads out of before it is {@link up}. @throws {RuntimeError} */
  async make(): Promise<void> {
    if (!isThere(this.namespace)) await addNamespace(this.namespace);
  }

  /** Makes what is missing of it. @throws {RuntimeUnavailableError} slirp4netns or its device is missing. @throws {RuntimeError} */
  async up(): Promise<void> {
    const program = networkProgram('slirp4netns');
    this.#endHolder();
    await this.make();
    await this.#start(program);
  }

  /** Ends it, with all that is in it. Nothing is wrong if there is none. */
  down(): void {
    this.#endHolder();
    removeNamespace(this.namespace);
  }

  /** Connections over IPv4 to a port of this machine go to the same port inside; safe to repeat. @throws {PortTakenError} */
  async publish(port: PublishedPort): Promise<void> {
    const { hostIp, hostPort, protocol } = port;
    if (protocol === 'sctp')
      throw new PortTakenError(
        `Bind for ${hostIp}:${hostPort}/${protocol} failed: without root ports are those of TCP and UDP`,
      );
    const address = { host_addr: hostIp || '0.0.0.0', host_port: hostPort };
    await this.withdraw(port); // what a killed command has left
    try {
      await this.#ask('add_hostfwd', {
        proto: protocol,
        ...address,
        guest_addr: INNER_ADDRESS,
        guest_port: hostPort,
      });
    } catch (error) {
      throw new PortTakenError(
        `Bind for ${address.host_addr}:${hostPort} failed: ${(error as Error).message}`,
        {
          cause: error,
        },
      );
    }
  }

  /** Nothing is wrong if it was not published. */
  async withdraw({ hostIp, hostPort, protocol }: PublishedPort): Promise<void> {
    if (!this.isUp) return;
    const { entries = [] } = (await this.#ask('list_hostfwd', {})) as { entries?: readonly Forward[] };
    const address = hostIp || '0.0.0.0';
    const found = entries.find(
      (one) => one.proto === protocol && one.host_addr === address && one.host_port === hostPort,
    );
    if (found !== undefined) await this.#ask('remove_hostfwd', { id: found.id });
  }

  async #start(program: string): Promise<void> {
    mkdirSync(join(this.namespace, '..'), { recursive: true, mode: 0o700 });
    rmSync(this.#socket, { force: true });
    const command = [networkProgram('setpriv'), '--pdeathsig', 'KILL', program];
    const kind = ['--netns-type=path', '--configure', `--mtu=${MTU}`, '--ready-fd=3'];
    // Those inside reach neither what listens on the machine's own 127.0.0.1, nor, through a fault, its files.
    const limits = ['--disable-host-loopback', '--enable-sandbox', '--enable-seccomp'];
    const args = [...command, ...kind, ...limits, `--api-socket=${this.#socket}`, this.namespace, DEVICE];
    const child = spawn('/bin/sh', ['-c', HOLDER, 'sh', ...args], {
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
      detached: true,
      cwd: '/',
    });
    const complaint = await untilReady(child);
    if (complaint !== undefined) throw failure(complaint);
    writeFileSync(this.#holder, processIdentity(child.pid), { mode: 0o600 });
  }

  #endHolder(): void {
    const identity = readIfAny(this.#holder);
    if (isRunning(identity) === true) process.kill(Number(identity.split('-', 1)[0]), 'SIGKILL');
    rmSync(this.#holder, { force: true });
  }

  /** One question on its socket, and the answer: slirp4netns(1), "API SOCKET". @throws {RuntimeError} */
  async #ask(execute: string, args: object): Promise<unknown> {
    const socket = connect(this.#socket);
    socket.end(JSON.stringify({ execute, arguments: args }));
    const answer = JSON.parse(await text(socket)) as { return?: unknown; error?: { desc?: string } };
    if (answer.error !== undefined) throw new RuntimeError(`slirp4netns: ${answer.error.desc ?? execute}`);
    return answer.return ?? answer; // a list is the answer itself
  }
}

/** @param reason as slirp4netns has it. */
function failure(reason: string): RuntimeError {
  const message = `cannot make a network for containers without root: slirp4netns: ${reason}`;
  return reason.includes(TUN)
    ? new RuntimeUnavailableError(`${message}; ${TUN_HINT}`)
    : new RuntimeError(message);
}

function isThere(namespace: string): boolean {
  return existsSync(namespace) && isMountPoint(namespace);
}
