import { once } from 'node:events';
import { stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { describe, expect, it } from 'vitest';
import { engineSockets, listenOn, usualSocket } from '../../src/cli/engine-sockets.js';
import { UsageError } from '../../src/cli/failure.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const passed = { LISTEN_PID: String(process.pid), LISTEN_FDS: '2' };

describe('engineSockets', () => {
  it.each([
    { hosts: ['unix:///a', 'unix:///b/c'], env: passed, sockets: [{ path: '/a' }, { path: '/b/c' }] },
    { hosts: [], env: passed, sockets: [{ fd: 3 }, { fd: 4 }] },
    { hosts: ['fd://', 'unix:///a'], env: passed, sockets: [{ fd: 3 }, { fd: 4 }, { path: '/a' }] },
    { hosts: [], env: {}, sockets: [{ path: usualSocket({}) }] },
    { hosts: [], env: { ...passed, LISTEN_PID: '1' }, sockets: [{ path: usualSocket({}) }] },
  ])('of $hosts and $env are $sockets', ({ hosts, env, sockets }) =>
    expect(engineSockets(hosts, env)).toEqual(sockets),
  );

  it.each([
    { hosts: ['tcp://0.0.0.0:2375'], why: /everybody who reached it would be root/ },
    { hosts: ['unix://relative'], why: /write unix:\/\/\/PATH/ },
    { hosts: ['fd://'], why: /passed no socket/ },
  ])('refuses $hosts', ({ hosts, why }) => {
    expect(() => engineSockets(hosts, {})).toThrow(UsageError);
    expect(() => engineSockets(hosts, {})).toThrow(why);
  });
});

describe('listenOn', () => {
  it('opens the socket for its owner and group, and for one server only', async () => {
    await using folder = await temporaryFolder();
    const path = `${folder.path}/below/engine.sock`;
    const server = createServer();
    expect(await listenOn(server, { path }, undefined)).toBe(path);
    expect((await stat(path)).mode & 0o777).toBe(0o660);
    await expect(listenOn(createServer(), { path }, undefined)).rejects.toThrow(/listens there already/);
    server.close();
    await once(server, 'close');
  });

  it('does not take the place of a file', async () => {
    await using folder = await temporaryFolder();
    const path = `${folder.path}/file`;
    await writeFile(path, 'kept');
    await expect(listenOn(createServer(), { path }, undefined)).rejects.toThrow(/cannot listen/);
    expect((await stat(path)).isFile()).toBe(true);
  });

  it('knows the groups of this machine', async () => {
    await using folder = await temporaryFolder();
    const path = `${folder.path}/engine.sock`;
    await expect(listenOn(createServer(), { path }, 'no-such-group')).rejects.toThrow(
      /there is no such group/,
    );
  });
});
