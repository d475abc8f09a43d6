import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';
import { unshare } from '../../src/linux/index.js';
import type { Attachment, EndpointRequest, PublishedPort } from '../../src/runtime/networks/index.js';
import { Networks, type NetworksOptions } from '../../src/runtime/networks/index.js';
import { RuntimeDatabase } from '../../src/runtime/runtime-database.js';
import { run } from '../support/run.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';

const CLONE_NEWNET = 0x4000_0000;
/** For half a minute and more: what is asked is about to be there, on a machine that may be busy. */
const LOOKS = 600;

/** Networks of their own, in a network namespace that this process is in from then on. */
export class NetworkPlace implements AsyncDisposable {
  readonly db: RuntimeDatabase;
  readonly networks: Networks;
  readonly #folder: TemporaryFolder;

  static async create(): Promise<NetworkPlace> {
    // What this process and its children do to devices and firewalls stays with them.
    unshare(CLONE_NEWNET);
    await run(['ip', 'link', 'set', 'lo', 'up']);
    // Most machines have a device that is called as those of containers are.
    await run(['ip', 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'beside']);
    return new NetworkPlace(await temporaryFolder('networks'));
  }

  private constructor(folder: TemporaryFolder) {
    this.#folder = folder;
    this.db = new RuntimeDatabase(join(folder.path, 'root'));
    this.networks = this.open();
  }

  /** The same, as another process has them. */
  open(options: Pick<NetworksOptions, 'namingSeconds'> = {}): Networks {
    const { path } = this.#folder;
    return new Networks(this.db, {
      ...options,
      directory: join(path, 'run'),
      lock: join(path, 'lock'),
      isForMachine: true,
    });
  }

  /** The process that answers names, as those who tell it of names know it. */
  get nameServer(): number {
    return Number(readFileSync(this.#nameServerFile, 'utf8'));
  }

  set nameServer(pid: number) {
    writeFileSync(this.#nameServerFile, String(pid));
  }

  get #nameServerFile(): string {
    return join(this.#folder.path, 'run/names/aardvark-dns/aardvark.pid');
  }

  /** A container, as far as networks know: a namespace, detached when the test ends. */
  async attached(
    name: string,
    requests: readonly (string | EndpointRequest)[],
    ports: readonly PublishedPort[] = [],
    networks = this.networks,
  ): Promise<Attachment & { id: string }> {
    const id = randomBytes(32).toString('hex');
    const wanted = requests.map((request) => (typeof request === 'string' ? { network: request } : request));
    const { held, ...attachment } = await networks.attach({ id, name, hostname: name }, wanted, ports);
    onTestFinished(async () => {
      held[Symbol.dispose]();
      await this.networks.detach(id);
    });
    return { ...attachment, id };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.networks.reconcile([]);
    this.db.close();
    await this.#folder[Symbol.asyncDispose]();
  }
}

export const inside = ({ namespacePath }: Attachment, ...command: readonly string[]) =>
  run(['nsenter', `--net=${namespacePath}`, ...command], { timeoutMs: 60_000 });
export const address = ({ endpoints }: Attachment, at = 0) => endpoints[at]?.ipAddress ?? '';
/** @param patience seconds; few where no answer is what is wanted. */
export const ping = (from: Attachment, to: string, { patience = 10 } = {}) =>
  inside(from, 'busybox', 'ping', '-c', '1', '-W', String(patience), to);
/** aardvark-dns closes and opens its sockets whenever a container comes or goes: what is asked meanwhile is lost. */
export async function lookUp(from: Attachment, name: string, at = 0): Promise<string> {
  // One that knows nothing yet asks on where nobody answers.
  const ask = ['timeout', '5', 'busybox', 'nslookup', name, from.endpoints[at]?.dnsServer ?? ''];
  for (let left = LOOKS; ; left -= 1) {
    try {
      return await inside(from, ...ask);
    } catch (error) {
      if (left === 0 || !/Connection refused|ended with 124/.test(String(error))) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** Answers each connection with a line, as long as the test takes. */
export function serve(container: Attachment, port: number, line: string): void {
  const listen = ['busybox', 'nc', '-ll', '-p', String(port), '-e', 'echo', line];
  const child = spawn('nsenter', [`--net=${container.namespacePath}`, ...listen]);
  onTestFinished(() => void child.kill('SIGKILL'));
}

/** What is said at a port of this machine. */
export async function said(port: number, host = '127.0.0.1'): Promise<string> {
  for (let left = LOOKS; ; left -= 1) {
    try {
      const socket = connect({ host, port });
      socket.setTimeout(5000, () => socket.destroy(new Error(`nothing is said at ${host}:${port}`)));
      return await text(socket);
    } catch (error) {
      if (left === 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

export const tcp = (containerPort: number, hostPort = 0, hostIp = ''): PublishedPort => ({
  hostIp,
  hostPort,
  containerPort,
  protocol: 'tcp',
});

/** All that a container could leave on this machine. */
export async function traces(): Promise<string> {
  const links = await run(['ip', '-br', 'link']);
  const rules = await run(['iptables-save']);
  return [
    ...links.split('\n').filter((line) => /^(veth|br-)/.test(line)),
    ...rules.split('\n').filter((line) => /--to-destination|-s (172|192|10)\.|-i br-/.test(line)),
  ].join('\n');
}
