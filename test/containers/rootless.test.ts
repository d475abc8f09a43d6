import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  globSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BERTH } from '../support/berth-process.js';
import { killAtOnce } from '../support/kill-at-once.js';
import { run } from '../support/run.js';
import { ServerProcess } from '../support/server-process.js';
import { RootlessPlace } from './rootless-place.js';

const WEB = 'mkdir /w; echo hello > /w/file; exec httpd -f -p 80 -h /w';

describe.runIf(process.getuid?.() === 0)('an ordinary user', () => {
  let place: RootlessPlace;
  beforeAll(async () => {
    place = await RootlessPlace.create();
  });
  afterAll(() => place?.[Symbol.asyncDispose]());

  const ownerOf = (path: string) => statSync(path).uid;
  const volumes = () => join(place.home, '.local/share/berth/volumes');

  it('has containers in one user namespace, whoever comes first', async () => {
    const ran = [1, 2, 3].map((i) => place.run(['run', '--rm', '--network', 'none', 'box', 'echo', `${i}`]));
    expect(await Promise.all(ran)).toEqual(['1\n', '2\n', '3\n']);
    expect(await place.keepers()).toHaveLength(1);
  });

  it('runs, looks into, stops and removes them', async () => {
    const script = 'trap "exit 3" TERM; echo started; while :; do sleep 0.1; done';
    await place.run([
      'run',
      '-d',
      '--name',
      'job',
      '--network',
      'none',
      '-u',
      '1000',
      'box',
      'sh',
      '-c',
      script,
    ]);
    expect(await place.run(['exec', '-u', '0', 'job', 'id', '-u'])).toBe('0\n');
    expect(await place.run(['exec', '-i', 'job', 'cat'], { input: 'typed' })).toBe('typed');
    await expect.poll(() => place.run(['logs', 'job'])).toBe('started\n');
    await place.run(['stop', 'job']);
    expect(await place.run(['ps', '-a', '--format', '{{.Names}} {{.Status}}'])).toMatch(/^job Exited \(3\)/);
    await place.run(['rm', 'job']);
    expect(readdirSync(join(place.home, '.local/share/berth/containers'))).toEqual([]);
  });

  it('owns what their root writes, and can remove what their users do', async () => {
    const shared = ['-v', 'shared:/shared', '-v', `${join(place.home, 'shared')}:/host`];
    const script =
      'touch /host/mine; mkdir /shared/theirs; chown 1000 /shared/theirs; chmod 700 /shared/theirs';
    await place.run(['run', '--name', 'files', '--network', 'none', ...shared, 'box', 'sh', '-c', script]);
    const user = Number(await run(['id', '-u', place.user]));
    expect(ownerOf(join(place.home, 'shared/mine'))).toBe(user);
    expect(ownerOf(join(volumes(), 'shared/_data'))).toBe(user);
    expect(ownerOf(join(volumes(), 'shared/_data/theirs'))).toBeGreaterThan(65_535);
    await place.run(['rm', 'files']);
    await place.run(['volume', 'rm', 'shared']);
    expect(existsSync(join(volumes(), 'shared'))).toBe(false);
  });

  it('has containers on fuse-overlayfs, where the kernel joins no layers for users', async () => {
    const BERTH_ROOT = join(place.home, 'fuse');
    const berth = (...args: string[]) =>
      place.run(args, { env: { ...place.env, BERTH_ROOT, BERTH_OVERLAY } });
    const BERTH_OVERLAY = 'fuse-overlayfs';
    await berth('import', '-c', 'CMD ["sh"]', join(place.home, 'box.tar'), 'box');
    const script = `grep ' / ' /proc/mounts; rm -r /tmp /bin/vi; mkdir /tmp; echo x > /tmp/x; chown 1:1 /tmp/x`;
    expect(await berth('run', '--name', 'on-fuse', '--network', 'none', 'box', 'sh', '-c', script)).toContain(
      'fuse.fuse-overlayfs / ',
    );
    const listed = run(['tar', '-tv', '--numeric-owner'], {
      input: await berth('cp', 'on-fuse:/tmp/x', '-'),
    });
    expect(await listed).toMatch(/ 1\/1 .* x\n$/);
    expect(await berth('diff', 'on-fuse')).toBe('C /bin\nD /bin/vi\nC /tmp\nA /tmp/x\n');
    await berth('commit', 'on-fuse', 'made');
    writeFileSync(join(place.home, 'Dockerfile'), 'FROM made\nRUN rm /tmp/x /bin/ed && touch /made\n');
    await berth(
      'build',
      '-q',
      '-t',
      'built',
      '-f',
      join(place.home, 'Dockerfile'),
      join(place.home, 'shared'),
    );
    await berth('run', '-d', '--name', 'built', '--network', 'none', 'built', 'sleep', '1000');
    expect(
      await berth('exec', 'built', 'sh', '-c', 'ls -a /tmp /made; ls /bin | grep -c -e ^vi$ -e ^ed$ || true'),
    ).toBe('/made\n\n/tmp:\n.\n..\n0\n');
    await berth('rm', '-f', 'built', 'on-fuse');
    const serving = async () => (await place.processes()).filter(({ name }) => name === 'fuse-overlayfs');
    await expect.poll(serving).toEqual([]);
  });

  it('has devices that the user may open', async () => {
    const read = (flag: string, path: string) =>
      place.run(['run', '--rm', '--network', 'none', flag, 'box', 'head', '-c', '3', path]);
    expect(await read('--device=/dev/zero:/dev/noughts', '/dev/noughts')).toBe('\0\0\0');
    expect(await read('--privileged', '/dev/zero')).toBe('\0\0\0');
  });

  it('has the network of the machine, or none', async () => {
    const addresses = (mode: string) =>
      place.run(['run', '--rm', '--network', mode, 'box', 'ip', 'address', 'show', 'eth0']);
    expect(await addresses('host')).toContain(place.network.address);
    await expect(addresses('none')).rejects.toThrow("'eth0'");
  });

  it('has networks, names in them, ports that are published, and a way out', async () => {
    await place.run(['network', 'create', 'app']);
    const ports = ['-p', '127.0.0.1:8080:80', '-p', '[::1]:8080:80'];
    await place.run(['run', '-d', '--name', 'web', '--network', 'app', ...ports, 'box', 'sh', '-c', WEB]);
    const fetch = ['curl', '-sS', 'http://127.0.0.1:8080/file'];
    // The port may be there before somebody listens in the container.
    await expect.poll(() => place.network.run(fetch)).toBe('hello\n');
    const fetch6 = ['curl', '-sS', 'http://[::1]:8080/file'];
    expect(await place.network.run(fetch6)).toBe('hello\n');
    const get = ['run', '--rm', '--network', 'app', 'box', 'wget', '-qO-', 'http://web/file'];
    expect(await place.run(get)).toBe('hello\n');
    const again = await place.tryRun(['run', '--rm', '-p', '8080:80', 'box', 'true']);
    expect(again).toMatchObject({ code: 125, stderr: expect.stringContaining('container web has it') });

    // What slirp4netns refuses, or cannot be asked for, keeps nothing of the container that wanted it.
    const [slirp = ''] = globSync(join(place.home, 'run/berth/*/networks/slirp.sock'));
    const refusing = createServer({ allowHalfOpen: true }, (asked) =>
      asked.resume().on('end', () => asked.end('{"error":{"desc":"bad request"}}')),
    );
    renameSync(slirp, `${slirp}.aside`);
    await once(refusing.listen(slirp), 'listening');
    chmodSync(slirp, 0o777);
    expect(await place.tryRun(['run', '--name', 'refused', '-p', '8090:80', 'box', 'true'])).toMatchObject({
      code: 125,
      stderr: expect.stringContaining('slirp4netns: bad request'),
    });
    const names = ['ps', '-a', '--format', '{{.Names}}'];
    expect(await place.run(names)).toBe('refused\nweb\n');
    await place.run(['rm', 'refused']);
    expect(await place.run(names)).toBe('web\n');
    await promisify(refusing.close.bind(refusing))();
    renameSync(`${slirp}.aside`, slirp);

    // Whoever keeps the namespaces may be killed, and all goes on.
    const before = await place.keepers();
    await killAtOnce(...before);
    expect(await place.run(['exec', 'web', 'cat', '/w/file'])).toBe('hello\n');
    expect(await place.network.run(fetch)).toBe('hello\n');
    expect(await place.network.run(fetch6)).toBe('hello\n');
    const after = await place.keepers();
    expect(after).toHaveLength(1);
    expect(after).not.toEqual(before);

    await place.run(['rm', '-f', 'web']);
    await place.run(['network', 'rm', 'app']);
    await expect(place.network.run(fetch)).rejects.toThrow('ended with 7');
    expect(await ownProcesses()).toEqual(['sleep']);
  });

  it('gets rid of a container whose network cannot be made, and is told what would help', async () => {
    const BERTH_ROOT = join(place.home, 'no-tun');
    const prefix = place.prefixWhere({ tunMode: '600' });
    const berth = (...args: string[]) => place.tryRun(args, { env: { ...place.env, BERTH_ROOT }, prefix });
    await berth('import', '-c', 'CMD ["sh"]', join(place.home, 'box.tar'), 'box');
    const { code, stderr } = await berth('run', '--name', 'first', '-p', '8081:80', 'box', 'true');
    expect(await berth('ps', '-a', '--format', '{{.Names}}')).toEqual({
      code: 0,
      stdout: 'first\n',
      stderr: '',
    });
    expect(await berth('rm', 'first')).toMatchObject({ code: 0 });
    expect(code).toBe(125);
    expect(stderr).toMatch(/chmod 666 \/dev\/net\/tun.*--network none/);

    // Something of root's in its folder keeps one from being removed.
    await berth('create', '--name', 'stuck', '--network', 'none', 'box');
    const folders = join(BERTH_ROOT, 'containers');
    const [folder = ''] = readdirSync(folders);
    const stuck = join(folders, folder, 'stuck');
    mkdirSync(join(stuck, 'file'), { recursive: true });
    expect(await berth('rm', 'stuck')).toMatchObject({ code: 1 });
    expect(await berth('ps', '-aq', '--no-trunc')).toMatchObject({ code: 0, stdout: `${folder}\n` });
    await using engine = await ServerProcess.start({
      command: [...prefix, BERTH, 'engine'],
      cwd: place.home,
      env: { ...place.env, BERTH_ROOT },
      isReady: async () => existsSync(join(place.home, 'run/berth/engine.sock')),
    });
    await expect.poll(() => engine.output).toContain(`container ${folder} cannot be seen to: `);
    expect(await engine.stop()).toBe(0);
    rmSync(stuck, { recursive: true });
    expect(await berth('ps', '-aq')).toEqual({ code: 0, stdout: '', stderr: '' });
    await killAtOnce(...(await place.keepers()));
  });

  it('sees what a container uses, and not what the user does beside it', async () => {
    const script = 'sleep 1000 & exec sleep 1000';
    await place.run(['run', '-d', '--name', 'idle', '--network', 'none', 'box', 'sh', '-c', script]);
    await place.run(['exec', '-d', 'idle', 'sleep', '1000']);
    const sleeping = async () => (await place.run(['top', 'idle', '-o', 'pid,comm'])).match(/sleep/g);
    await expect.poll(sleeping).toHaveLength(3);
    const format = '{{.MemUsage}}|{{.BlockIO}}|{{.PIDs}}';
    expect(await place.run(['stats', '--no-stream', '--format', format, 'idle'])).toMatch(
      /^\d\.\d+MiB \/ [^|]+\|--\|3\n$/,
    );
    expect(await place.run(['info'])).toContain('rootless');
    await place.run(['rm', '-f', 'idle']);
  });

  it('is told what only root can have, and what an administrator can do about it', async () => {
    const refused = (...flags: string[]) => place.tryRun(['run', '--rm', ...flags, 'box', 'true']);
    expect((await refused('-m', '64m')).stderr).toContain(
      'cannot limit memory: this process may not make cgroups',
    );
    expect((await refused('-p', '80:80')).stderr).toContain('sysctl net.ipv4.ip_unprivileged_port_start=80');
  });

  it('needs ids of their own', async () => {
    await ownProcesses();
    await killAtOnce(...(await place.keepers()));
    expect(await ownProcesses({ most: 0 })).toEqual([]); // whatever is still there leads into its namespace
    await run(['usermod', '--del-subuids', '1-4294967294', '--del-subgids', '1-4294967294', place.user]);
    const { code, stderr } = await place.tryRun(['run', '--rm', 'box', 'true']);
    await run(['usermod', '--add-subuids', '200000-265535', '--add-subgids', '200000-265535', place.user]);
    expect({ code, stderr }).toMatchObject({
      code: 125,
      stderr: expect.stringContaining(
        `usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${place.user}`,
      ),
    });
  });

  /** Names of the user's programs, once what is ending has ended. */
  async function ownProcesses({ most = 1 } = {}): Promise<string[]> {
    for (let look = 1; ; look += 1) {
      const names = (await place.processes()).map(({ name }) => name);
      if (names.length <= most || look === 300) return names;
      await setTimeout(100);
    }
  }
});
