import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { Networks } from '../../src/runtime/networks/index.js';
import { NetworkNamespace } from '../support/network-namespace.js';
import { run } from '../support/run.js';
import { address, inside, lookUp, NetworkPlace, ping, said, serve, tcp } from './network-place.js';

let place: NetworkPlace;
let networks: Networks;
const attached: NetworkPlace['attached'] = (...args) => place.attached(...args);

beforeAll(async () => {
  place = await NetworkPlace.create();
  ({ networks } = place);
});
afterAll(() => place?.[Symbol.asyncDispose]());

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

  it('know a container by name once it is there, however busy the name server is', async () => {
    await networks.create({ Name: 'busy' });
    await attached('first', ['busy']);
    const server = place.nameServer;
    process.kill(server, 'SIGSTOP');
    let goesOn = false;
    setTimeout(() => {
      goesOn = process.kill(server, 'SIGCONT');
    }, 500);
    const late = await attached('late', ['busy'], [], place.open({ namingSeconds: 60 }));
    expect(goesOn).toBe(true);
    expect(await lookUp(late, 'late')).toContain(address(late));
  });

  it('keep nobody else waiting for a name server that says nothing', async () => {
    await networks.create({ Name: 'silent' });
    await attached('here', ['silent']);
    const server = place.nameServer;
    process.kill(server, 'SIGSTOP');
    const done: string[] = [];
    const attach = (name: string, network: string, by = networks) =>
      attached(name, [network], [], by).then(() => done.push(name));
    const waiting = attach('waiting', 'silent', place.open({ namingSeconds: 60 }));
    try {
      await attach('other', 'bridge');
      await attach('impatient', 'silent');
    } finally {
      process.kill(server, 'SIGCONT');
    }
    await waiting;
    expect(done).toEqual(['other', 'impatient', 'waiting']);
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
