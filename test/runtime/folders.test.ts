import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { Channel, type MessagePeer } from '../../src/runtime/channel.js';
import { MountTargets } from '../../src/runtime/mount-targets.js';
import { hasMountsBelow } from '../../src/runtime/own-mounts.js';
import { SocketProxy } from '../../src/runtime/socket-proxy.js';
import { WorkFolder } from '../../src/runtime/work-folder.js';
import { temporaryFolder } from '../support/temporary-folder.js';

describe('MountTargets', () => {
  it('leave no trace, unless something was put there', async () => {
    await using folder = await temporaryFolder();
    const root = join(folder.path, 'root');
    mkdirSync(join(root, 'etc'), { recursive: true });
    mkdirSync(join(root, 'usr'));
    symlinkSync('../usr/hosts', join(root, 'etc/hosts'));
    utimesSync(join(root, 'etc'), 5, 5);
    utimesSync(join(root, 'usr'), 6, 6);
    utimesSync(root, 7, 7);

    const targets = new MountTargets(root);
    expect(targets.add('/etc/hosts', 'file')).toBe('/usr/hosts');
    expect(targets.add('/etc', 'directory')).toBe('/etc');
    expect(targets.add('/new/deep/x', 'file')).toBe('/new/deep/x');
    expect(targets.add('/used/place', 'directory')).toBe('/used/place');
    expect(targets.add('/../..', 'directory')).toBe('/');
    writeFileSync(join(root, 'usr/file'), '');
    expect(() => targets.add('/usr/file/x', 'file')).toThrow('/usr/file of the container is no directory');
    expect(() => targets.add('/usr', 'file')).toThrow('/usr of the container is a directory');
    rmSync(join(root, 'usr/file'));
    utimesSync(join(root, 'usr'), 6, 6);
    expect(lstatSync(root).mtimeMs).toBe(7000);
    writeFileSync(join(root, 'used/file'), '');
    targets.removeUnused();

    const names = readdirSync(root, { recursive: true, encoding: 'utf8' }).sort();
    expect(names).toEqual(['etc', 'etc/hosts', 'used', 'used/file', 'usr']);
    const times = ['etc', 'usr', ''].map((name) => lstatSync(join(root, name)).mtimeMs);
    expect(times).toEqual([5000, 6000, 7000]);
  });
});

describe('mounts below a directory', () => {
  it.each([
    { place: '/data/a b/c', expected: true },
    { place: '/data/a b', expected: false },
    { place: '/data/a bc/d', expected: false },
    { place: '/', expected: false },
  ])('are there: $expected for one at $place', async ({ place, expected }) => {
    await using folder = await temporaryFolder();
    const directory = join(folder.path, 'data/a b');
    mkdirSync(directory, { recursive: true });
    const shown = `${folder.path}${place}`.replaceAll(' ', '\\040');
    const row = (at: string) => `29 1 8:1 / ${at} rw,relatime shared:1 - ext4 /dev/sda1 rw`;
    expect(hasMountsBelow(directory, [row('/'), row('/proc'), row(shown)].join('\n'))).toBe(expected);
  });
});

describe('WorkFolder', () => {
  it('belongs to its owner, and to anybody after that', async () => {
    await using folder = await temporaryFolder();
    const cleaned: string[] = [];
    const clean = async (path: string) => void cleaned.push(path);
    const mine = WorkFolder.create(folder.path);
    writeFileSync(join(mine.makeFolder(), 'x'), '');
    const dead = join(folder.path, 'abc');
    mkdirSync(dead);
    writeFileSync(`${dead}.lock`, '');
    await WorkFolder.removeLeftovers(folder.path, clean);
    expect(cleaned).toEqual([dead]);
    expect([existsSync(dead), existsSync(`${dead}.lock`), existsSync(mine.path)]).toEqual([
      false,
      false,
      true,
    ]);
    mine[Symbol.dispose]();
    expect(readdirSync(folder.path)).toEqual([]);
  });
});

describe('SocketProxy', () => {
  it('leads to a socket of the machine, however long its own name', async () => {
    await using folder = await temporaryFolder();
    const agent = join(folder.path, 'agent');
    const server = createServer((socket) => socket.pipe(socket)).listen(agent);
    const deep = join(folder.path, 'x'.repeat(100));
    mkdirSync(deep);
    const owner = { mode: 0o600, uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
    using proxy = await SocketProxy.open(agent, deep, owner);
    expect(lstatSync(proxy.path).mode & 0o777).toBe(0o600);
    symlinkSync(deep, join(folder.path, 's'));
    const client = connect(join(folder.path, 's/socket'));
    client.end('echo');
    expect(await text(client)).toBe('echo');
    server.close();
  });
});

describe('Channel', () => {
  function pair(methods: ConstructorParameters<typeof Channel>[1]): Channel {
    const listeners: ((message: unknown) => void)[] = [];
    const peer = (own: number): MessagePeer => ({
      send: (message) => {
        queueMicrotask(() => listeners[1 - own]?.(message));
        return true;
      },
      on: (_, listener) => {
        listeners[own] = listener;
      },
    });
    const caller = new Channel(peer(0), {});
    new Channel(peer(1), methods);
    return caller;
  }

  it('carries calls, answers and failures', async () => {
    const channel = pair({
      double: async (n: number) => 2 * n,
      fail: () => {
        throw new RangeError('too much', { cause: new Error('of a good thing') });
      },
    });
    expect(await Promise.all([channel.call('double', 2), channel.call('double', 3)])).toEqual([4, 6]);
    await expect(channel.call('fail', 0)).rejects.toMatchObject({
      remoteName: 'RangeError',
      message: 'too much: of a good thing',
    });
    await expect(channel.call('nothing', 0)).rejects.toThrow('no such method');
  });

  it('fails what is under way when the other side is gone', async () => {
    const channel = pair({ wait: () => new Promise(() => {}) });
    const waiting = channel.call('wait', 0);
    channel.close(new Error('gone'));
    await expect(waiting).rejects.toThrow('gone');
    await expect(channel.call('wait', 0)).rejects.toThrow('gone');
  });
});
