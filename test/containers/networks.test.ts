import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { unshare } from '../../src/linux/index.js';
import type { Attachment, EndpointRequest, PublishedPort } from '../../src/runtime/networks/index.js';
import { Networks } from '../../src/runtime/networks/index.js';
import { RuntimeDatabase } from '../../src/runtime/runtime-database.js';
import { NetworkNamespace } from '../support/network-namespace.js';
import { run } from '../support/run.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';

const CLONE_NEWNET = 0x4000_0000;

let folder: TemporaryFolder;
let db: RuntimeDatabase;
let networks: Networks;

beforeAll(async () => {
  // What this process and its children do to devices and firewalls stays with them.
  unshare(CLONE_NEWNET);
  await run(['ip', 'link', 'set', 'lo', 'up']);
  // Most machines have a device that is called as those of containers are.
  await run(['ip', 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'beside']);
  folder = await temporaryFolder('networks');
  db = new RuntimeDatabase(join(folder.path, 'root'));
  networks = openNetworks();
});

function openNetworks(): Networks {
  const [directory, lock] = [join(folder.path, 'run'), join(folder.path, 'lock')];
  return new Networks(db, { directory, lock, isForMachine: true });
}

afterAll(async () => {
  await networks?.reconcile([]);
  db?.close();
  await folder?.[Symbol.asyncDispose]();
});

/** A container, as far as networks know: a namespace, detached when the test ends. */
async function attached(
  name: string,
  requests: readonly (string | EndpointRequest)[],
  ports: readonly PublishedPort[] = [],
): Promise<Attachment & { id: string }> {
  const id = randomBytes(32).toString('hex');
  const wanted = requests.map((request) => (typeof request === 'string' ? { network: request } : request));
  const { held, ...attachment } = await networks.attach({ id, name, hostname: name }, wanted, ports);
  onTestFinished(async () => {
    held[Symbol.dispose]();
    await networks.detach(id);
  });
  return { ...attachment, id };
}

const inside = ({ namespacePath }: Attachment, ...command: readonly string[]) =>
  run(['nsenter', `--net=${namespacePath}`, ...command], { timeoutMs: 60_000 });
const address = ({ endpoints }: Attachment, at = 0) => endpoints[at]?.ipAddress ?? '';
/** @param patience seconds; few where no answer is what is wanted. */
const ping = (from: Attachment, to: string, { patience = 10 } = {}) =>
  inside(from, 'busybox', 'ping', '-c', '1', '-W', String(patience), to);
/** aardvark-dns closes and opens its sockets whenever a container comes or goes. */
async function lookUp(from: Attachment, name: string, at = 0): Promise<string> {
  // One that knows nothing yet asks on where nobody answers.
  const ask = ['timeout', '5', 'busybox', 'nslookup', name, from.endpoints[at]?.dnsServer ?? ''];
  for (let left = 20; ; left -= 1) {
    try {
      return await inside(from, ...ask);
    } catch (error) {
      if (left === 0 || !String(error).includes('Connection refused')) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** Answers each connection with a line, as long as the test takes. */
function serve(container: Attachment, port: number, line: string): void {
  const listen = ['busybox', 'nc', '-ll', '-p', String(port), '-e', 'echo', line];
  const child = spawn('nsenter', [`--net=${container.namespacePath}`, ...listen]);
  onTestFinished(() => void child.kill('SIGKILL'));
}

/** What is said at a port of this machine. */
async function said(port: number, host = '127.0.0.1'): Promise<string> {
  for (let left = 50; ; left -= 1) {
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

const tcp = (containerPort: number, hostPort = 0, hostIp = ''): PublishedPort => ({
  hostIp,
  hostPort,
  containerPort,
  protocol: 'tcp',
});

/** All that a container could leave on this machine. */
async function traces(): Promise<string> {
  const links = await run(['ip', '-br', 'link']);
  const rules = await run(['iptables-save']);
  return [
    ...links.split('\n').filter((line) => /^(veth|br-)/.test(line)),
    ...rules.split('\n').filter((line) => /--to-destination|-s (172|192|10)\.|-i br-/.test(line)),
  ].join('\n');
}

describe('the usual bridge', () => {
  it('lets containers reach each other by address, and has no names', async () => {
    const [a, b] = [await attached('a', ['bridge']), await attached('b', ['bridge'])];
    await ping(a, address(b));
    expect(a.endpoints[0]).toMatchObject({
      interfaceName: 'eth0',
      ipAddress: '172.17.0.2',
      gateway: '172.17.0.1',
      macAddress: '02:42:ac:11:00:02',
      dnsNames: [],
      dnsServer: '',
    });
    expect(await inside(a, 'ip', 'route')).toContain('default via 172.17.0.1 dev eth0');
    expect(await inside(a, 'ip', 'link', 'show', 'eth0')).toContain('02:42:ac:11:00:02');
  });

  it('publishes ports, which nobody else can have meanwhile', async () => {
    const web = await attached('web', ['bridge'], [tcp(80), tcp(81, 0, '127.0.0.1')]);
    const [any, six, local] = web.ports.map(({ hostPort }) => hostPort);
    expect(six).toBe(any);
    serve(web, 80, 'eighty');
    serve(web, 81, 'eighty-one');
    expect(await said(any ?? 0)).toBe('eighty\n');
    expect(await said(any ?? 0, '172.17.0.1')).toBe('eighty\n');
    expect(await said(local ?? 0)).toBe('eighty-one\n');
    const server = createServer().listen(any);
    await expect(
      new Promise((resolve, reject) => server.once('listening', resolve).once('error', reject)),
    ).rejects.toThrow('EADDRINUSE');
    await expect(attached('other', ['bridge'], [tcp(80, any)])).rejects.toThrow(
      `Bind for 0.0.0.0:${any} failed: port is already allocated: container web has it`,
    );
    const next = any === undefined ? 0 : any + 1;
    const other = await attached('ranged', ['bridge'], [{ ...tcp(80, any), lastHostPort: next }]);
    expect(other.ports).toMatchObject([{ hostPort: next }, { hostIp: '::', hostPort: next }]);
  });

  it('says which program has a port', async () => {
    const server = createServer().listen(0);
    await new Promise((resolve) => server.once('listening', resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as { port: number };
    await expect(attached('late', ['bridge'], [tcp(80, port)])).rejects.toThrow(
      new RegExp(`port is already allocated: .+ \\(process ${process.pid}\\) has it`),
    );
  });
});

describe('networks of one’s own', () => {
  it('have names and aliases, in those networks only that the asker is in', async () => {
    await networks.create({ Name: 'front' });
    await networks.create({ Name: 'back', IPAM: { Config: [{ Subnet: '10.99.7.0/24' }] } });
    const db1 = await attached('db1', [{ network: 'back', ipv4Address: '10.99.7.77', aliases: ['store'] }]);
    const app = await attached('App', ['front', 'back']);
    const web = await attached('web', ['front']);
    for (const name of ['db1', 'store', db1.id.slice(0, 12)])
      expect(await lookUp(app, name)).toContain('10.99.7.77');
    expect(await lookUp(web, 'app')).toContain(address(app));
    await expect(lookUp(web, 'db1')).rejects.toThrow();
    await expect(ping(web, '10.99.7.77', { patience: 1 })).rejects.toThrow(); // another bridge
    expect(await inside(app, 'ip', 'route')).toMatch(/default via \S+ dev eth0/);
    expect(
      networks
        .members(networks.get('front'))
        .map(({ name }) => name)
        .sort(),
    ).toEqual(['App', 'web']);
    expect(() => networks.remove('front')).toThrow('network front has active endpoints');
  });

  it('are connected to and disconnected from while a container runs; published ports move', async () => {
    await networks.create({ Name: 'one' });
    await networks.create({ Name: 'two', Internal: true });
    const c = await attached('mover', ['one'], [tcp(90)]);
    const peer = await attached('peer', ['two']);
    serve(c, 90, 'here');
    const container = { id: c.id, name: 'mover', hostname: 'mover' };
    const second = await networks.connect(container, { network: 'two', aliases: ['m'] });
    expect(second).toMatchObject({ interfaceName: 'eth1', gateway: '' });
    expect(await lookUp(peer, 'm')).toContain(second.ipAddress);
    await ping(peer, second.ipAddress);
    await expect(networks.connect(container, { network: 'two' })).rejects.toThrow(
      'already exists in network two',
    );
    const third = await networks.connect(container, { network: 'bridge' });
    await networks.disconnect(c.id, 'one');
    expect(networks.attachmentOf(c.id)?.endpoints.map(({ networkName }) => networkName)).toEqual([
      'two',
      'bridge',
    ]);
    expect(await said(c.ports[0]?.hostPort ?? 0)).toBe('here\n');
    expect(await inside(c, 'ip', 'route')).toContain(`default via ${third.gateway}`);
    await expect(networks.disconnect(c.id, 'one')).rejects.toThrow('not connected to the network one');
  });

  it('stay apart when all have left another network', async () => {
    for (const Name of ['left', 'right', 'gone']) await networks.create({ Name });
    const [left, right] = [await attached('left', ['left']), await attached('right', ['right'])];
    const { id } = await attached('gone', ['gone']);
    await networks.detach(id);
    await expect(ping(left, address(right), { patience: 1 })).rejects.toThrow();
  });

  it('have names and published ports where the machine’s firewall drops what it is not told of', async () => {
    await networks.create({ Name: 'walled' });
    await using elsewhere = await NetworkNamespace.create();
    const policy = (chain: string, target: string) => run(['iptables', '-P', chain, target]);
    for (const chain of ['INPUT', 'FORWARD']) await policy(chain, 'DROP');
    try {
      const web = await attached('web', ['walled'], [tcp(80)]);
      serve(web, 80, 'through');
      const port = String(web.ports[0]?.hostPort);
      const ask = ['busybox', 'timeout', '5', 'busybox', 'nc', elsewhere.outside, port];
      await expect.poll(() => elsewhere.run(ask)).toBe('through\n');
      expect(await lookUp(web, 'web')).toContain(address(web));
    } finally {
      for (const chain of ['INPUT', 'FORWARD']) await policy(chain, 'ACCEPT');
    }
  });

  it('are of IPv6 too', async () => {
    const made = await networks.create({ Name: 'six', EnableIPv6: true });
    expect(made.pools).toHaveLength(2);
    const [a, b] = [await attached('a', ['six']), await attached('b', ['six'])];
    const six = b.endpoints[0]?.ipv6Address ?? '';
    expect(six).toMatch(/^fd[0-9a-f:]+::3$/);
    await inside(a, 'busybox', 'ping', '-6', '-c', '2', '-W', '10', six);
  });

  it('lead out over IPv6, and are published there past the machine’s firewall', async () => {
    await networks.create({ Name: 'outer', IPAM: { Config: [{ Subnet: 'fd61::/64' }] } });
    await using elsewhere = await NetworkNamespace.create();
    await elsewhere.addSix('fd62::');
    await run(['ip6tables', '-P', 'FORWARD', 'DROP']);
    try {
      const web = await attached('web', [{ network: 'outer', ipv6Address: 'fd61::77' }], [tcp(80)]);
      expect(web.endpoints[0]).toMatchObject({ ipv6Address: 'fd61::77', ipv6Gateway: 'fd61::1' });
      expect(await lookUp(web, 'web')).toContain('fd61::77');
      await inside(web, 'busybox', 'ping', '-6', '-c', '2', '-W', '10', 'fd62::2');
      serve(web, 80, 'six');
      const port = web.ports[0]?.hostPort ?? 0;
      // By the relay, which takes connections before anybody listens in the container.
      await expect.poll(() => said(port, '::1')).toBe('six\n');
      const ask = (host: string, at: number) =>
        elsewhere.run(['busybox', 'timeout', '5', 'busybox', 'nc', host, String(at)]);
      expect(await ask('fd62::1', port)).toBe('six\n');
      const four = await attached('four', ['outer'], [tcp(81, 0, '0.0.0.0')]);
      serve(four, 81, 'of four');
      const only = four.ports[0]?.hostPort ?? 0;
      expect(four.ports).toHaveLength(1);
      expect(await said(only)).toBe('of four\n');
      await expect(ask('fd62::1', only)).rejects.toThrow('refused');
      expect(await ask('fd62::1', port)).toBe('six\n');
      await networks.detach(four.id);
      expect(await run(['ip6tables-save', '-t', 'nat'])).not.toContain(`--dport ${only}`);
    } finally {
      await run(['ip6tables', '-P', 'FORWARD', 'ACCEPT']);
    }
  });

  it('are macvlan devices of one of the machine', async () => {
    await run(['ip', 'link', 'add', 'up0', 'type', 'veth', 'peer', 'name', 'up1']);
    for (const device of ['up0', 'up1']) await run(['ip', 'link', 'set', device, 'up']);
    await expect(networks.create({ Name: 'mv', Driver: 'macvlan' })).rejects.toThrow('-o parent=eth0');
    await expect(
      networks.create({ Name: 'mv', Driver: 'macvlan', Options: { parent: 'nosuch' } }),
    ).rejects.toThrow('no such network device');
    const IPAM = { Config: [{ Subnet: '10.98.0.0/24' }] };
    await networks.create({ Name: 'mv', Driver: 'macvlan', Options: { parent: 'up0' }, IPAM });
    const [a, b] = [await attached('a', ['mv']), await attached('b', ['mv'])];
    await ping(a, address(b));
  });
});

describe('what is left', () => {
  it('of an attachment that cannot be made is nothing', async () => {
    const before = await traces();
    await expect(attached('bad', ['bridge', 'nosuch'])).rejects.toThrow('network nosuch not found');
    await expect(attached('bad', [{ network: 'bridge', ipv4Address: '172.17.0.9' }])).rejects.toThrow(
      'user defined networks only',
    );
    expect(await traces()).toBe(before);
  });

  it('of a container whose namespace, devices or name server are gone is taken away', async () => {
    const c = await attached('gone', ['front', 'bridge'], [tcp(80)]);
    await run(['ip', 'netns', 'delete', c.namespacePath.replace('/run/netns/', '')]);
    const d = await attached('bare', ['front'], [tcp(80)]);
    await inside(d, 'ip', 'link', 'delete', 'eth0');
    const pid = join(folder.path, 'run/names/aardvark-dns/aardvark.pid');
    await run(['sh', '-c', `kill -9 "$(cat ${pid})"`]);
    await networks.reconcile([]);
    expect(await traces()).toBe('');
    expect(readdirSync('/run/netns')).not.toContain(d.namespacePath.replace('/run/netns/', ''));
    expect(existsSync(c.namespacePath)).toBe(false);
    expect(networks.attachmentOf(c.id)).toBeUndefined();
  });

  it('from before a reboot is gone with the first container that is started after it', async () => {
    const old = await attached('old', ['bridge'], [tcp(80)]);
    const before = address(old);
    // As the machine leaves it: rows of another boot, and nothing else.
    await inside(old, 'ip', 'link', 'delete', 'eth0');
    await run(['ip', 'netns', 'delete', old.namespacePath.replace('/run/netns/', '')]);
    db.run("UPDATE network_attachments SET boot = 'before', body = json_set(body, '$.boot', 'before')");
    const fresh = await attached('fresh', ['bridge']);
    expect(address(fresh)).toBe(before);
    expect(networks.members(networks.get('bridge')).map(({ name }) => name)).toEqual(['fresh']);
    expect(networks.attachmentOf(old.id)).toBeUndefined();
  });

  it('from before a reboot keeps no network, before any container is started after it', async () => {
    await networks.create({ Name: 'earlier' });
    const network = networks.get('earlier');
    const { id } = await attached('old', ['earlier']);
    expect(() => networks.remove('earlier')).toThrow('has active endpoints (name:"old"');
    // As the machine leaves it: rows of another boot, and nothing else.
    const ghost = 'f'.repeat(64);
    db.run(
      "INSERT INTO network_attachments SELECT ?1, 'before', json_set(body, '$.boot', 'before', '$.container.id', ?1) " +
        'FROM network_attachments WHERE container = ?2',
      ghost,
      id,
    );
    db.run(
      'INSERT INTO network_endpoints SELECT ?1, network, interface, address, address6, body ' +
        'FROM network_endpoints WHERE container = ?2',
      ghost,
      id,
    );
    await networks.detach(id);
    const later = openNetworks();
    expect(later.members(network)).toEqual([]);
    expect(later.list({ dangling: ['true'] }).map(({ name }) => name)).toContain('earlier');
    expect(later.attachmentOf(ghost)).toBeUndefined();
    expect(later.remove('earlier').name).toBe('earlier');
    expect(later.attached()).toContain(ghost); // what may be left of it is looked for all the same
    await later.reconcile([]);
    expect(later.attached()).toEqual([]);
  });

  it('works on: names are answered again when their server was killed', async () => {
    const [a, b] = [await attached('a', ['front']), await attached('b', ['front'])];
    const pid = join(folder.path, 'run/names/aardvark-dns/aardvark.pid');
    await run(['sh', '-c', `kill -9 "$(cat ${pid})"`]);
    // It may still be there at the first look.
    await vi.waitFor(async () => {
      await networks.reconcile([a.id, b.id]);
      expect(await lookUp(a, 'b')).toContain(address(b));
    }, 30_000);
  });
});
