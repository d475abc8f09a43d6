import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort } from './free-port.ts';

const HOST = '127.0.0.1';
const GIB = 1024 ** 3;
const START_LIMIT_MS = 90_000;

/** Where an S3 service is, and who may use it. */
export type S3Account = Readonly<{
  endpoint: string;
  region: string;
  accessKey: string;
  secretKey: string;
}>;

/** A program that goes on until it is stopped, and never longer than this process. */
type Daemon = Readonly<{ name: string; child: ChildProcess }>;

/**
 * A real S3 service: Ceph's gateway on one monitor and one disk, which is a sparse file. From Debian's packages, for any
 * user, on the loopback only.
 */
export class CephCluster implements AsyncDisposable {
  readonly account: S3Account;
  readonly #starter: Starter;

  private constructor(account: S3Account, starter: Starter) {
    this.account = account;
    this.#starter = starter;
  }

  /**
   * Takes some ten seconds.
   * @param folder an empty one for all that it has; it may be removed once the cluster has stopped.
   */
  static async start(folder: string): Promise<CephCluster> {
    const [monitorPort, gatewayPort] = await Promise.all([freePort(), freePort()]);
    const account = {
      endpoint: `http://${HOST}:${gatewayPort}`,
      region: 'us-east-1', // the only one that it knows by itself
      accessKey: randomBytes(10).toString('hex'),
      secretKey: randomBytes(20).toString('hex'),
    };
    const starter = new Starter(folder, { monitorPort, gatewayPort });
    try {
      await starter.startMonitor();
      await starter.startDisk();
      await starter.createUser(account);
      await starter.startGateway(account);
      return new CephCluster(account, starter);
    } catch (error) {
      await stopAll(starter.daemons);
      throw error;
    }
  }

  /** Processor time of all its parts so far, in seconds. */
  async cpuSeconds(): Promise<number> {
    const times = this.#starter.daemons.map(async ({ child }) => {
      const stat = await readFile(`/proc/${child.pid}/stat`, 'utf8');
      const [user, system] = stat
        .slice(stat.lastIndexOf(')') + 2)
        .split(' ')
        .slice(11, 13);
      return (Number(user) + Number(system)) / 100; // clock ticks, which are hundredths of a second everywhere
    });
    return (await Promise.all(times)).reduce((sum, each) => sum + each, 0);
  }

  /** Kills what answers requests, in the middle of them, and starts it again. */
  async restartGateway(): Promise<void> {
    await this.#starter.killGateway();
    await this.#starter.startGateway(this.account);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await stopAll(this.#starter.daemons);
  }
}

class Starter {
  readonly daemons: Daemon[] = [];
  readonly #folder: string;
  readonly #monitorPort: number;
  readonly #gatewayPort: number;
  readonly #env: NodeJS.ProcessEnv;

  constructor(folder: string, ports: { monitorPort: number; gatewayPort: number }) {
    this.#folder = folder;
    this.#monitorPort = ports.monitorPort;
    this.#gatewayPort = ports.gatewayPort;
    this.#env = { ...process.env, CEPH_CONF: join(folder, 'ceph.conf') };
  }

  async startMonitor(): Promise<void> {
    const cluster = randomUUID();
    const at = (name: string) => join(this.#folder, name);
    await Promise.all(['mon', 'osd', 'rgw', 'log'].map((name) => mkdir(at(name))));
    await writeFile(at('ceph.conf'), configuration({ ...this.#ports, folder: this.#folder, cluster }));
    await writeFile(at('keyring'), keyring(), { mode: 0o600 });
    const address = `[v2:${HOST}:${this.#monitorPort}]`;
    await this.#run('monmaptool', ['--create', '--addv', 'a', address, '--fsid', cluster, at('monmap')]);
    await this.#run('ceph-mon', ['--mkfs', '-i', 'a', '--monmap', at('monmap'), '--keyring', at('keyring')]);
    await this.#start('ceph-mon', ['-f', '-i', 'a']);
    await this.#until('ceph-mon', () => accepts(this.#monitorPort));
  }

  async startDisk(): Promise<void> {
    const disk = randomUUID();
    await this.#run('ceph', ['--connect-timeout', '30', 'osd', 'new', disk]);
    await this.#run('ceph-osd', ['-i', '0', '--mkfs', '--osd-uuid', disk]);
    await this.#start('ceph-osd', ['-f', '-i', '0']);
  }

  async createUser({ accessKey, secretKey }: S3Account): Promise<void> {
    const keys = ['--access-key', accessKey, '--secret-key', secretKey];
    await this.#run('radosgw-admin', ['user', 'create', '--uid', 'test', '--display-name', 'test', ...keys]);
  }

  async killGateway(): Promise<void> {
    const { child } = this.daemons.pop() ?? {};
    if (child === undefined) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  async startGateway({ endpoint }: S3Account): Promise<void> {
    await this.#start('radosgw', ['-f', '-n', 'client.rgw']);
    await this.#until('radosgw', async () => (await fetch(endpoint)).ok);
  }

  get #ports() {
    return { monitorPort: this.#monitorPort, gatewayPort: this.#gatewayPort };
  }

  async #run(program: string, args: readonly string[]): Promise<void> {
    await promisify(execFile)(program, args, { env: this.#env, timeout: START_LIMIT_MS });
  }

  async #start(program: string, args: readonly string[]): Promise<void> {
    const log = await open(join(this.#folder, 'log', `${program}.out`), 'a');
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', program, ...args], {
      env: this.#env,
      stdio: ['ignore', log.fd, log.fd],
    });
    await once(child, 'spawn');
    await log.close();
    this.daemons.push({ name: program, child });
  }

  async #until(what: string, isReady: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + START_LIMIT_MS;
    while (!(await isReady().catch(() => false))) {
      const ended = this.daemons.find(({ child }) => hasEnded(child));
      if (ended) throw new Error(`${ended.name} ended:\n${await this.#logOf(ended.name)}`);
      if (performance.now() > deadline)
        throw new Error(`${what} was not ready in time:\n${await this.#logOf(what)}`);
      await sleep(50);
    }
  }

  async #logOf(program: string): Promise<string> {
    return (await readFile(join(this.#folder, 'log', `${program}.out`), 'utf8')).slice(-2000);
  }
}

/** One copy of everything, few placement groups, no manager. */
function configuration(options: {
  folder: string;
  cluster: string;
  monitorPort: number;
  gatewayPort: number;
}): string {
  const { folder, cluster, monitorPort, gatewayPort } = options;
  return `[global]
fsid = ${cluster}
mon initial members = a
mon host = v2:${HOST}:${monitorPort}
public addr = ${HOST}
cluster addr = ${HOST}
ms bind ipv6 = false
keyring = ${folder}/keyring
mon data = ${folder}/mon
osd data = ${folder}/osd
run dir = ${folder}/log
crash dir = ${folder}/log
log file = ${folder}/log/$name.log
mon cluster log file = ${folder}/log/cluster.log
admin socket =
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon max pg per osd = 2000
# Each change of the map is committed at once: there are many at the first start.
paxos propose interval = 0.02
paxos min wait = 0.01
mon data avail warn = 1
mon data avail crit = 1
osd objectstore = bluestore
osd memory target = ${GIB}
bluestore block size = ${32 * GIB}
bluestore block create = true
bluestore fsck on mkfs = false
osd class load list = *
osd class default list = *
[client.rgw]
# Without tcp_nodelay each small answer waits for 40 ms.
rgw frontends = beast endpoint=${HOST}:${gatewayPort} tcp_nodelay=1
rgw data = ${folder}/rgw
rgw thread pool size = 128
rgw override bucket index max shards = 1
rgw gc obj min wait = 20
rgw gc processor period = 20
debug rgw = 0/0
`;
}

function keyring(): string {
  const entries = [
    { name: 'mon.', caps: { mon: 'allow *' } },
    { name: 'client.admin', caps: { mon: 'allow *', osd: 'allow *', mgr: 'allow *' } },
    { name: 'osd.0', caps: { mon: 'allow profile osd', osd: 'allow *' } },
    { name: 'client.rgw', caps: { mon: 'allow rw', osd: 'allow rwx' } },
  ];
  return entries.map(({ name, caps }) => `[${name}]\nkey = ${secret()}\n${capsText(caps)}`).join('');
}

function capsText(caps: Readonly<Record<string, string>>): string {
  return Object.entries(caps)
    .map(([service, text]) => `caps ${service} = "${text}"\n`)
    .join('');
}

/** A key as Ceph writes them: type AES, no time, 16 bytes. */
function secret(): string {
  const head = Buffer.alloc(12);
  head.writeUInt16LE(1, 0);
  head.writeUInt16LE(16, 10);
  return Buffer.concat([head, randomBytes(16)]).toString('base64');
}

/** The last first: the gateway needs the disk to stop, and the disk the monitor. */
async function stopAll(daemons: readonly Daemon[]): Promise<void> {
  for (const { child } of daemons.toReversed()) {
    if (hasEnded(child)) continue;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    const impatient = setTimeout(() => child.kill('SIGKILL'), 8000);
    await ended;
    clearTimeout(impatient);
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, HOST, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
