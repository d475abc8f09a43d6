import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { afterFailure } from '../support/after-failure.js';
import { BERTH } from '../support/berth-process.js';
import { writeBusyboxRoot } from '../support/busybox-root.js';
import { EngineProcess } from '../support/engine-process.js';
import { NetworkNamespace } from '../support/network-namespace.js';
import { run } from '../support/run.js';

let engine: EngineProcess;
let namespace: NetworkNamespace;

const docker = (...args: readonly string[]) => engine.docker(args);

beforeAll(async () => {
  namespace = await NetworkNamespace.create();
  engine = await EngineProcess.start({ prefix: namespace.prefix });
  const tar = await writeBusyboxRoot(engine.path());
  await docker('import', '-c', 'CMD ["sh"]', tar, 'box:1');
});

afterFailure(() => engine.clear());
afterAll(async () => {
  await engine?.clear();
  await engine?.[Symbol.asyncDispose]();
  await namespace?.[Symbol.asyncDispose]();
});

/** Of the open files of a process, those of SQLite. */
function databasesOf(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`)
    .map((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`);
      } catch {
        return ''; // closed meanwhile
      }
    })
    .filter((path) => path.includes('.sqlite'));
}

describe('docker run, on berth engine', () => {
  it('shows what a container prints, and ends as it does', async () => {
    expect(await docker('run', '--rm', 'box:1', 'echo', 'hi')).toBe('hi\n');
    await expect(docker('run', '--rm', 'box:1', 'sh', '-c', 'echo bad >&2; exit 7')).rejects.toMatchObject({
      code: 7,
      stderr: 'bad\n',
    });
    await expect(docker('run', '--rm', 'box:1', 'nosuch')).rejects.toMatchObject({
      code: 127,
      stderr: expect.stringContaining('executable file not found'),
    });
    expect(await docker('ps', '-aq')).toBe('');
  });

  it('brings all input and output across', async () => {
    const input = 'x'.repeat(2_000_000);
    expect(await engine.docker(['run', '--rm', '-i', 'box:1', 'cat'], { input })).toBe(input);
  });
});

describe('what docker asks of an engine and there is not here', () => {
  it('leaves a container of which only a link is to go', async () => {
    await docker('create', '--name', 'linked', '--annotation', 'a=b', '--cgroupns', 'private', 'box:1');
    await expect(docker('rm', '--link', 'linked')).rejects.toMatchObject({
      stderr: expect.stringContaining('--link is not possible: a link is part of the container'),
    });
    const format = '{{.HostConfig.Annotations}} {{.HostConfig.CgroupnsMode}}';
    expect(await docker('inspect', '-f', format, 'linked')).toBe('map[a:b] private\n');
    await docker('rm', 'linked');
  });
  it('makes no network without IPv4', async () =>
    expect(docker('network', 'create', '--ipv4=false', '--ipv6', 'six')).rejects.toMatchObject({
      stderr: expect.stringContaining('every network has addresses of IPv4 here'),
    }));
});

describe('docker rmi, on berth engine', () => {
  it('gives back the disk of an image that containers were made of', async () => {
    const blobs = () => readdirSync(engine.path('root/content/blobs/sha256')).sort();
    const before = blobs();
    await docker('create', '--name', 'base', 'box:1');
    await docker('commit', 'base', 'other:1');
    await docker('rm', 'base');
    await docker('run', '--rm', 'other:1', 'true');
    expect(blobs()).not.toEqual(before);
    await docker('rmi', 'other:1');
    expect(blobs()).toEqual(before);
  });
});

describe('commands of berth', () => {
  const berth = (...args: readonly string[]) =>
    run([...namespace.prefix, BERTH, ...args], {
      env: { ...engine.environment(), BERTH_ROOT: engine.path('root') },
    });

  it('tell of this machine what docker tells of the engine, and clear it as docker does', async () => {
    const id = (
      await docker('run', '-d', '--name', 'kept', '-v', 'data:/d', 'box:1', 'sleep', '1000')
    ).trim();
    const ended = await docker('run', '-d', '--name', 'ended', 'box:1', 'sh', '-c', 'echo 12345 > /f');
    await docker('wait', 'ended');
    await docker('network', 'create', 'unused');
    for (const args of [
      ['system', 'df'],
      [
        'info',
        '-f',
        '{{.ID}} {{.Containers}} {{.ContainersRunning}} {{.Images}} {{.CgroupVersion}} {{.NCPU}}',
      ],
      ['version', '-f', '{{.Server.Version}} {{.Server.APIVersion}} {{.Server.Platform.Name}}'],
    ])
      expect(await berth(...args)).toBe(await docker(...args));
    // The rest is of the moment.
    const sections = async (client: typeof docker) =>
      (await client('system', 'df', '-v')).replace(/(\d+|Less than a|About a) (second|minute)s?/g, 'soon');
    expect((await sections(berth)).split(/\s{2,}/)).toEqual((await sections(docker)).split(/\s{2,}/));
    expect(await berth('info')).toContain('Containers: 2\n  Running: 1\n');
    expect(await berth('system', 'prune', '--force')).toBe(
      `Deleted Containers:\n${ended}\nDeleted Networks:\nunused\n\nTotal reclaimed space: 6B\n`,
    );
    expect(await docker('ps', '-aq', '--no-trunc')).toBe(`${id}\n`);
    await docker('rm', '-f', 'kept');
    expect(await berth('system', 'prune', '-f', '--all', '--volumes')).toContain('untagged: box:1\n');
    await docker('import', '-c', 'CMD ["sh"]', engine.path('busybox-root.tar'), 'box:1');
  });
});

describe('a container of berth engine', () => {
  it('is looked into, entered, held and ended', async () => {
    const id = (
      await docker('run', '-d', '--name', 'web', '--label', 'a=b', 'box:1', 'sleep', '1000')
    ).trim();
    expect(await docker('ps', '--filter', 'label=a', '--format', '{{.ID}} {{.Names}} {{.State}}')).toBe(
      `${id.slice(0, 12)} web running\n`,
    );
    expect(await docker('inspect', '-f', '{{.State.Status}} {{.Name}} {{.Path}}', 'web')).toBe(
      'running /web sleep\n',
    );
    expect(await engine.docker(['exec', '-i', 'web', 'cat'], { input: 'given' })).toBe('given');
    await expect(docker('exec', 'web', 'sh', '-c', 'exit 3')).rejects.toMatchObject({ code: 3 });
    await expect(docker('exec', 'web', 'nosuch')).rejects.toMatchObject({ code: 127 });
    expect(await docker('top', 'web')).toMatch(/sleep 1000\n$/);
    await docker('pause', 'web');
    expect(await docker('ps', '--format', '{{.Status}}')).toMatch(/\(Paused\)\n$/);
    await docker('unpause', 'web');
    await docker('rename', 'web', 'www');
    await expect(docker('rm', 'www')).rejects.toMatchObject({
      stderr: expect.stringContaining('is running'),
    });
    await docker('kill', 'www');
    expect(await docker('wait', 'www')).toBe('137\n');
    expect((await engine.ask('POST', '/containers/www/stop')).status).toBe(304);
    await docker('start', 'www');
    await docker('rm', '-f', 'www');
    expect((await engine.ask('GET', '/containers/www/json')).status).toBe(404);
  });

  it('is waited for by many, and no database is opened again for them', async () => {
    await docker('run', '-d', '--name', 'awaited', 'box:1', 'sleep', '1000');
    const before = databasesOf(engine.process.pid).length;
    const waiting = await Promise.all(
      [1, 2, 3].map(async () => {
        const socket = engine.connect();
        socket.write('POST /containers/awaited/wait HTTP/1.1\r\nHost: engine\r\n\r\n');
        await once(socket, 'data'); // its headers come when it waits
        return socket;
      }),
    );
    expect(databasesOf(engine.process.pid)).toHaveLength(before);
    for (const socket of waiting) socket.destroy();
    await docker('rm', '-f', 'awaited');
  });

  it('tells of its life in the order of docker', async () => {
    await docker('run', '--rm', '--name', 'short', 'box:1', 'true');
    const args = [
      '--since',
      '0',
      '--until',
      `${Math.ceil(Date.now() / 1000)}`,
      '--filter',
      'container=short',
    ];
    expect(await docker('events', ...args, '--format', '{{.Action}}')).toBe(
      'create\nattach\nstart\ndie\ndestroy\n',
    );
  });

  it('keeps no port when it cannot be started', async () => {
    await docker('network', 'create', '--internal', 'inside');
    const args = ['run', '--rm', '--network', 'inside', '-p', '8099:80'];
    await expect(docker(...args, '--add-host', 'h:host-gateway', 'box:1', 'true')).rejects.toMatchObject({
      stderr: expect.stringContaining('no network that leads to this machine'),
    });
    await docker(...args, 'box:1', 'true');
    await docker('network', 'rm', 'inside');
  });

  it('goes on when the engine does not', async () => {
    await docker('run', '-d', '--name', 'lasting', 'box:1', 'sleep', '1000');
    await engine.restart();
    expect(await docker('ps', '--format', '{{.Names}}')).toBe('lasting\n');
    await docker('rm', '-f', 'lasting');
  });
});

describe('what a container of berth engine has', () => {
  it('is a log that is followed, statistics, volumes and limits that change', async () => {
    expect(await docker('volume', 'create', '--label', 'a=b', 'kept')).toBe('kept\n');
    const script =
      'echo one; echo two >&2; sleep 0.5; echo three; cat /sys/fs/cgroup/memory/memory.limit_in_bytes';
    const flags = ['-d', '--name', 'talks', '-v', 'kept:/data', '-m', '64m'];
    await docker('run', ...flags, 'box:1', 'sh', '-c', `${script}; sleep 1000`);
    await expect(docker('volume', 'rm', 'kept')).rejects.toMatchObject({
      stderr: expect.stringContaining('volume is in use'),
    });
    expect(await docker('stats', '--no-stream', '--format', '{{.Name}} {{.MemUsage}}', 'talks')).toMatch(
      /^talks .*\/ 64MiB\n$/,
    );
    const told = () => docker('logs', '--tail', '2', 'talks');
    await expect.poll(told).toBe('three\n67108864\n');
    await docker('update', '-m', '96m', '--memory-swap', '-1', '--restart', 'on-failure:1', 'talks');
    expect(
      await docker(
        'inspect',
        '-f',
        '{{.HostConfig.Memory}} {{.HostConfig.RestartPolicy.Name}} {{(index .Mounts 0).Name}}',
        'talks',
      ),
    ).toBe('100663296 on-failure kept\n');
    const following = spawn('docker', ['logs', '-f', 'talks'], {
      env: engine.environment(),
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [first] = (await once(following.stdout, 'data')) as [Buffer]; // it has begun
    const rest = text(following.stdout);
    await docker('rm', '-f', 'talks');
    expect(`${first}${await rest}`).toBe('one\nthree\n67108864\n');
    expect(await docker('volume', 'inspect', '-f', '{{.Labels.a}}', 'kept')).toBe('b\n');
    expect(await docker('volume', 'prune', '-f', '--filter', 'all=true')).toContain('kept');
  });
});

describe('networks of berth engine', () => {
  it('are made, joined by name and alias, published, left and removed', async () => {
    const id = (
      await docker('network', 'create', '--subnet', '10.62.0.0/24', '--label', 'a=b', 'lab')
    ).trim();
    expect(await docker('network', 'ls', '--filter', 'label=a', '--format', '{{.Name}} {{.Driver}}')).toBe(
      'lab bridge\n',
    );
    const script = 'mkdir /w; echo hi > /w/index.html; exec httpd -f -p 80 -h /w';
    const flags = ['--network', 'lab', '--ip', '10.62.0.9', '--network-alias', 'www', '-p', '8088:80'];
    await docker('run', '-d', '--name', 'served', ...flags, 'box:1', 'sh', '-c', script);
    await expect.poll(() => namespace.run(['curl', '-sS', 'http://127.0.0.1:8088/'])).toBe('hi\n');
    expect(await docker('run', '--rm', '--network', 'lab', 'box:1', 'wget', '-qO-', 'http://www/')).toBe(
      'hi\n',
    );
    expect(await docker('port', 'served')).toBe('80/tcp -> 0.0.0.0:8088\n80/tcp -> [::]:8088\n');
    expect(await docker('ps', '--format', '{{.Ports}} {{.Networks}}')).toBe(
      '0.0.0.0:8088->80/tcp, [::]:8088->80/tcp lab\n',
    );
    const addresses = '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}';
    expect(await docker('inspect', '-f', addresses, 'served')).toBe('10.62.0.9 \n');
    expect(await docker('network', 'inspect', '-f', '{{range .Containers}}{{.Name}}{{end}}', id)).toBe(
      'served\n',
    );
    await docker('network', 'connect', 'bridge', 'served');
    await docker('network', 'disconnect', 'lab', 'served');
    expect(
      await docker('inspect', '-f', '{{range $k, $v := .NetworkSettings.Networks}}{{$k}}{{end}}', 'served'),
    ).toBe('bridge\n');
    await docker('rm', '-f', 'served');
    expect(await docker('network', 'rm', 'lab')).toBe('lab\n');
    await expect(docker('network', 'inspect', 'lab')).rejects.toMatchObject({
      stderr: expect.stringContaining('network lab not found'),
    });
    await expect(docker('network', 'rm', 'host')).rejects.toMatchObject({
      stderr: expect.stringContaining('is a pre-defined network and cannot be removed'),
    });
  });
});
