import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { hasEnded } from '../../src/linux/index.js';
import type { Networks } from '../../src/runtime/networks/index.js';
import { killAtOnce } from '../support/kill-at-once.js';
import { run } from '../support/run.js';
import { address, inside, lookUp, NetworkPlace, tcp, traces } from './network-place.js';

let place: NetworkPlace;
let networks: Networks;
const attached: NetworkPlace['attached'] = (...args) => place.attached(...args);

beforeAll(async () => {
  place = await NetworkPlace.create();
  ({ networks } = place);
  await networks.create({ Name: 'front' });
});
afterAll(() => place?.[Symbol.asyncDispose]());

/** A process that has ended and waits to be reaped until the test ends: what is its parent by then looks for no children. */
async function notReaped(): Promise<number> {
  const parent = spawn('sh', ['-c', 'sleep 0.2 & echo $!; exec sleep 600']);
  onTestFinished(() => void parent.kill('SIGKILL'));
  const [line] = (await once(parent.stdout, 'data')) as [Buffer];
  const pid = Number(line);
  while (!hasEnded(pid)) await sleep(5);
  return pid;
}

describe('what is left of networks', () => {
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
    await killAtOnce(place.nameServer);
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
    place.db.run("UPDATE network_attachments SET boot = 'before', body = json_set(body, '$.boot', 'before')");
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
    place.db.run(
      "INSERT INTO network_attachments SELECT ?1, 'before', json_set(body, '$.boot', 'before', '$.container.id', ?1) " +
        'FROM network_attachments WHERE container = ?2',
      ghost,
      id,
    );
    place.db.run(
      'INSERT INTO network_endpoints SELECT ?1, network, interface, address, address6, body ' +
        'FROM network_endpoints WHERE container = ?2',
      ghost,
      id,
    );
    await networks.detach(id);
    const later = place.open();
    expect(later.members(network)).toEqual([]);
    expect(later.list({ dangling: ['true'] }).map(({ name }) => name)).toContain('earlier');
    expect(later.attachmentOf(ghost)).toBeUndefined();
    expect(later.remove('earlier').name).toBe('earlier');
    expect(later.attached()).toContain(ghost); // what may be left of it is looked for all the same
    await later.reconcile([]);
    expect(later.attached()).toEqual([]);
  });

  it('is no name server that is still to end, which would take no notice of the next network', async () => {
    const last = await attached('last', ['front']);
    const server = place.nameServer;
    process.kill(server, 'SIGSTOP');
    setTimeout(() => process.kill(server, 'SIGCONT'), 1000);
    await networks.detach(last.id);
    expect(hasEnded(server)).toBe(true);
    const next = await attached('next', ['front']);
    expect(await lookUp(next, 'next')).toContain(address(next));
  });

  it('works on: names are answered again when their server was killed', async () => {
    const [a, b] = [await attached('a', ['front']), await attached('b', ['front'])];
    await killAtOnce(place.nameServer);
    await networks.reconcile([a.id, b.id]);
    expect(await lookUp(a, 'b')).toContain(address(b));
  });

  it('works on: names are answered where the id of their server is one that waits to be reaped', async () => {
    const a = await attached('a', ['front']);
    await killAtOnce(place.nameServer);
    place.nameServer = await notReaped();
    const b = await attached('b', ['front']);
    expect(await lookUp(a, 'b')).toContain(address(b));
    await killAtOnce(place.nameServer);
    place.nameServer = await notReaped();
    await networks.detach(b.id);
    expect(await lookUp(a, 'a')).toContain(address(a));
  });

  it('works on: names are answered where the id of their server has become that of another, which is let alone', async () => {
    const a = await attached('a', ['front']);
    await killAtOnce(place.nameServer);
    const other = spawn('sleep', ['600']);
    onTestFinished(() => void other.kill('SIGKILL'));
    place.nameServer = other.pid ?? 0;
    const b = await attached('b', ['front']);
    expect(await lookUp(a, 'b')).toContain(address(b));
    expect(other.signalCode).toBeNull();
  });

  it('works on: names are answered again when their server could not listen at first', async () => {
    const a = await attached('a', ['front']);
    await killAtOnce(place.nameServer);
    const other = createSocket('udp4').bind(53, a.endpoints[0]?.dnsServer);
    await once(other, 'listening');
    await networks.reconcile([a.id]);
    await once(other.close(), 'close');
    await networks.reconcile([a.id]);
    expect(await lookUp(a, 'a')).toContain(address(a));
  });
});
