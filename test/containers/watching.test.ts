import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { afterFailure } from '../support/after-failure.js';
import { BERTH } from '../support/berth-process.js';
import { writeBusyboxRoot } from '../support/busybox-root.js';
import { EngineProcess } from '../support/engine-process.js';
import { NetworkNamespace } from '../support/network-namespace.js';
import { cleanEnvironment, run } from '../support/run.js';
import { Terminal } from '../support/terminal.js';

let engine: EngineProcess;
let namespace: NetworkNamespace;

const docker = (...args: readonly string[]) => engine.docker(args);
const berth = (...args: readonly string[]) =>
  run([...namespace.prefix, BERTH, ...args], { env: cleanEnvironment({ BERTH_ROOT: engine.path('root') }) });

beforeAll(async () => {
  namespace = await NetworkNamespace.create();
  engine = await EngineProcess.start({ prefix: namespace.prefix });
  await berth('import', '-c', 'CMD ["sh"]', await writeBusyboxRoot(engine.path()), 'box:1');
});

afterFailure(() => engine.clear());
afterAll(async () => {
  await engine?.clear();
  await engine?.[Symbol.asyncDispose]();
  await namespace?.[Symbol.asyncDispose]();
});

type State = Readonly<{
  Health?: Readonly<{
    Status: string;
    FailingStreak: number;
    Log: readonly Readonly<{ ExitCode: number; Output: string; Start: string; End: string }>[];
  }>;
}>;

async function healthOf(name: string): Promise<NonNullable<State['Health']>> {
  const { text } = await engine.ask('GET', `/containers/${name}/json`);
  return (JSON.parse(text) as { State: State }).State.Health ?? { Status: 'none', FailingStreak: 0, Log: [] };
}

async function untilHealth(name: string, status: string): Promise<void> {
  while ((await healthOf(name)).Status !== status) await sleep(50);
}

async function processesOf(name: string): Promise<string> {
  return (await engine.ask('GET', `/containers/${name}/top?ps_args=-eo%20pid,args`)).text;
}

describe('the health of a container', () => {
  it('is checked by the engine, whoever started it, and shown', async () => {
    const check = ['--health-cmd', 'echo looked; test -e /ok', '--health-interval', '200ms'];
    await berth('run', '-d', '--name', 'well', ...check, '--health-retries', '2', 'box:1', 'sleep', '1000');
    await untilHealth('well', 'unhealthy');
    await berth('exec', 'well', 'touch', '/ok');
    await untilHealth('well', 'healthy');
    expect(await berth('ps', '--filter', 'health=healthy', '--format', '{{.Names}} {{.Status}}')).toMatch(
      /^well Up .* \(healthy\)\n$/,
    );
    const { FailingStreak, Log } = await healthOf('well');
    expect(FailingStreak).toBe(0);
    expect(Log.at(-1)).toMatchObject({ ExitCode: 0, Output: 'looked\n' });
    const events = () => docker('events', '--since', '0', '--until', '0s', '--filter', 'event=health_status');
    // The client knows whole seconds: those of the one that has begun are not asked for yet.
    await expect.poll(events).toMatch(/health_status: unhealthy(?:.|\n)*health_status: healthy/);
    await engine.restart();
    await berth('exec', 'well', 'rm', '/ok');
    await untilHealth('well', 'unhealthy');
    await berth('rm', '-f', 'well');
  });

  it('is bad when a check hangs, which is killed with all that it started', async () => {
    const check = ['--health-cmd', 'echo stuck; sleep 777 & sleep 778', '--health-interval', '10s'];
    const flags = ['--health-start-period', '10m', '--health-start-interval', '100ms'];
    await docker(
      'run',
      '-d',
      '--name',
      'stuck',
      ...check,
      ...flags,
      '--health-timeout',
      '1s',
      'box:1',
      'sleep',
      '1000',
    );
    expect((await healthOf('stuck')).Status).toBe('starting');
    while ((await healthOf('stuck')).Log.length < 2) await sleep(50);
    const { Status, FailingStreak, Log } = await healthOf('stuck');
    // What fails in its first seconds does not count.
    expect([Status, FailingStreak]).toEqual(['starting', 0]);
    expect(Log[0]).toMatchObject({
      ExitCode: -1,
      Output: expect.stringMatching(/^Health check exceeded timeout \(1s\)/),
    });
    const processes = await processesOf('stuck');
    expect(processes).toContain('sleep 1000');
    // At most that of the check of now. A shell has these words among others.
    expect(processes.match(/"sleep 777"/g)?.length ?? 0).toBeLessThanOrEqual(1);
    await docker('stop', '-t', '0', 'stuck');
    expect((await healthOf('stuck')).Status).toBe('unhealthy');
    await docker('rm', 'stuck');
  });
});

describe('docker exec, on berth engine', () => {
  it('gives a terminal that has the size of mine', async () => {
    await docker('run', '-d', '--name', 'shell', '--init', 'box:1', 'sleep', '1000');
    await using terminal = await Terminal.start('docker exec -it shell sh', {
      ...{ columns: 91, rows: 23, env: engine.environment() },
    });
    await terminal.type('until stty size | grep 91; do sleep 0.1; done; exit 5');
    await terminal.until(/^23 91$/);
    await terminal.until(/^ended with 5$/);
    await expect(docker('exec', '-t', 'shell', 'sh', '-c', 'tty; exit 4')).rejects.toMatchObject({
      code: 4,
      stdout: expect.stringContaining('/dev/pts/'),
    });
    // The first process is the machine's small init.
    expect(await berth('exec', 'shell', 'cat', '/proc/1/cmdline')).toBe(
      '/sbin/docker-init\0--\0sleep\x001000\0',
    );
  });

  it('refuses devices by names of CDI, as berth run does', async () => {
    const args = ['run', '--rm', '--network', 'none', '--device', 'vendor.com/gpu=0', 'box:1', 'true'];
    const refused = {
      code: 125,
      stderr: expect.stringContaining('device driver "cdi" for vendor.com/gpu=0'),
    };
    await expect(docker(...args)).rejects.toMatchObject(refused);
    await expect(berth(...args)).rejects.toMatchObject(refused);
  });

  it('runs what nobody waits for', async () => {
    await docker('run', '-d', '--name', 'entered', 'box:1', 'sleep', '1000');
    await docker('exec', '-d', 'entered', 'touch', '/by-docker');
    await berth('exec', '-d', 'entered', 'touch', '/by-berth');
    while ((await berth('exec', 'entered', 'ls', '/')).match(/by-/g)?.length !== 2) await sleep(50);
  });
});

describe('berth', () => {
  it('tells what a container has, does and uses, and changes that', async () => {
    const flags = ['-m', '64m', '-p', '127.0.0.1:8088:80', '-v', 'kept:/data'];
    const script = 'dd if=/dev/zero of=/f bs=1000 count=50; exec sleep 1000';
    await berth('run', '-d', '--name', 'web', '--privileged', ...flags, 'box:1', 'sh', '-c', script);
    expect(await berth('port', 'web')).toBe('80/tcp -> 127.0.0.1:8088\n');
    await expect(berth('port', 'web', '81')).rejects.toMatchObject({
      stderr: "berth: no public port '81' published for web\n",
    });
    // It begins with a shell.
    const top = () => berth('top', 'web', '-o', 'pid,args');
    await expect.poll(top).toMatch(/^PID +COMMAND\n\d+ +sleep 1000\n$/);
    expect(await berth('update', '-m', '96m', '--memory-swap', '-1', 'web')).toBe('web\n');
    expect(await berth('stats', '--no-stream', '--format', '{{.Name}} {{.MemUsage}} {{.PIDs}}')).toMatch(
      /^(?:.*\n)*web \S+ \/ 96MiB 1\n/,
    );
    expect(
      await berth(
        'ps',
        '-s',
        '--format',
        '{{.Mounts}} {{.LocalVolumes}} {{.Size}}',
        '--filter',
        'volume=kept',
      ),
    ).toMatch(/^kept 1 5\d(?:\.\d)?kB \(virtual .*MB\)\n$/);
    expect(await docker('ps', '-s', '--format', '{{.Names}} {{.Size}}')).toMatch(
      /^web 5\d(?:\.\d)?kB \(virtual .*MB\)$/m,
    );
    // It has the devices of the machine.
    expect(await berth('exec', 'web', 'ls', '/dev/kmsg')).toBe('/dev/kmsg\n');
    await berth('rm', '-f', 'web');
    await berth('create', '--name', 'never', '--label', 'old', 'box:1');
    expect(await berth('container', 'prune', '-f', '--filter', 'label=old')).toMatch(
      /^Deleted Containers:\n\w{64}\n/,
    );
    const told = ['--since', '1h', '--until', '0s', '--filter', 'container=never', '--format', '{{.Action}}'];
    expect(await berth('events', ...told)).toBe('create\ndestroy\n');
  });
});
