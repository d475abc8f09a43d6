import { randomBytes } from 'node:crypto';
import { existsSync, lstatSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { subordinateIDs } from '../../src/runtime/subordinate-ids.js';
import { afterFailure } from '../support/after-failure.js';
import { EngineProcess } from '../support/engine-process.js';
import { run } from '../support/run.js';
import { ContainerPlace } from './container-place.js';

const OWNER = `berth-i${randomBytes(4).toString('hex')}`;
const SLEEP = 'touch /tmp/done; exec sleep 1000';

let place: ContainerPlace;

/** Unlike root's usual ones these containers have the ids of a user that useradd has given some. */
const env = { BERTH_USERNS_REMAP: OWNER };
const berth = (...args: readonly string[]) => place.run(args, { env });
const tryBerth = (...args: readonly string[]) => place.tryRun(args, { env });
const inside = (container: string, script: string) => berth('exec', container, 'sh', '-c', script);

async function start(name: string, script: string, flags: readonly string[] = []): Promise<number> {
  await berth('run', '-d', '--name', name, ...flags, 'box', 'sh', '-c', `${script}; ${SLEEP}`);
  await inside(name, 'until [ -e /tmp/done ]; do sleep 0.1; done');
  return Number(await berth('inspect', '-f', '{{.State.Pid}}', name));
}

async function upperOf(name: string, path: string) {
  const id = (await berth('inspect', '-f', '{{.Id}}', name)).trim();
  return lstatSync(join(place.root, 'containers', id, 'u', path));
}

beforeAll(async () => {
  await run(['useradd', '--no-create-home', OWNER]);
  place = await ContainerPlace.create();
});

afterAll(async () => {
  await place[Symbol.asyncDispose]();
  await run(['userdel', OWNER]);
});
afterFailure(() => place.clear());

describe('a container with ids of its own', () => {
  it('is not given a directory of this machine as a volume', async () => {
    const host = join(place.folder, 'of-machine');
    mkdirSync(host);
    await berth('volume', 'create', '-o', 'type=none', '-o', 'o=bind', '-o', `device=${host}`, 'of-machine');
    const { code, stderr } = await tryBerth('run', '--rm', '-v', 'of-machine:/h', 'box', 'true');
    expect([code, stderr]).toEqual([
      125,
      expect.stringContaining('of-machine is a directory of this machine'),
    ]);
  });

  it('is root inside, another on this machine, and of its image on disk', async () => {
    const host = join(place.folder, 'host');
    mkdirSync(host, { mode: 0o755 });
    writeFileSync(join(host, 'key'), 'secret', { mode: 0o600 });
    const script = `sed -i s/root:x/root:/ /etc/passwd; rm /bin/su; cp /bin/busybox /bin/su; chmod 4755 /bin/su
      touch /mine /data/mine; chown 1:1 /mine /data/mine; echo 10.0.0.9 nine >> /etc/hosts; rm /bin/vi
      cat /host/key 2>&1; echo x > /host/new`;
    const mounts = ['-v', 'data:/data', '-v', `${host}:/host`, '--device', '/dev/zero:/dev/noughts'];
    const flags = [...mounts, '-p', '8080:80'];
    const pid = await start('own', script, flags);
    const { first, count } = subordinateIDs(OWNER).uids;
    expect(readFileSync(`/proc/${pid}/uid_map`, 'utf8').trim().split(/\s+/)).toEqual(
      ['0', first, count].map(String),
    );
    expect(readFileSync(`/proc/${pid}/status`, 'utf8')).toContain(`\nUid:\t${first}\t${first}\t`);
    expect(await inside('own', 'id -u; stat -c %u:%g /mine /data/mine /bin /; cat /etc/hosts')).toMatch(
      /^0\n1:1\n1:1\n0:0\n0:0\n(.|\n)*nine\n$/,
    );
    expect(await berth('exec', '-u', 'daemon', 'own', 'su', '-c', 'id -u')).toBe('0\n');
    expect(await inside('own', 'head -c 3 /dev/noughts')).toBe('\0\0\0');
    // It owns its network, and what the kernel tells of that.
    expect(await inside('own', 'ls /sys/class/net; ip link add d0 type dummy; ip link')).toMatch(/eth0/);
    expect(await berth('logs', 'own')).toContain("can't open '/host/key': Permission denied");
    expect(existsSync(join(host, 'new'))).toBe(false);
    expect((await upperOf('own', 'mine')).uid).toBe(1);
    expect((await upperOf('own', 'bin/su')).uid).toBe(0);
    const seen = 'stat -c %u /data /data/mine; cat /proc/self/uid_map';
    expect(
      await berth('run', '--rm', '--userns', 'host', '-v', 'data:/data', 'box', 'sh', '-c', seen),
    ).toMatch(/^0\n1\n\s+0\s+0\s+4294967295\n$/);
  });

  it('has the same files for who looks from outside, and in images that are made of it', async () => {
    writeFileSync(join(place.folder, 'note'), 'note');
    await berth('cp', '-q', join(place.folder, 'note'), 'own:/note');
    await berth('cp', '-q', join(place.folder, 'note'), 'own:/data/note');
    expect(await inside('own', 'stat -c %u /note /data/note')).toBe('0\n0\n');
    const owners = async (path: string) =>
      run(['tar', '-tv', '--numeric-owner'], { input: await berth('cp', `own:${path}`, '-') });
    expect(await owners('/mine')).toMatch(/ 1\/1 /);
    expect(await owners('/data')).toMatch(/ 1\/1 .* data\/mine\n.* 0\/0 .* data\/note\n/);
    const changed = await berth('diff', 'own');
    expect(changed.split('\n').sort()).toEqual(
      [
        '',
        'A /mine',
        'A /note',
        'A /tmp/done',
        'C /bin',
        'C /bin/su',
        'C /etc',
        'C /etc/passwd',
        'C /tmp',
        'D /bin/vi',
      ].sort(),
    );
    await berth('commit', 'own', 'made');
    await berth('stop', '-t', '0', 'own');
    expect(await owners('/mine')).toMatch(/ 1\/1 /);
    const user = ['--network', 'none', '-u', 'daemon'];
    const seen = ['sh', '-c', "stat -c %u /mine; /bin/su -c 'id -u'; echo x > /dev/stdout"];
    expect(await berth('run', '--rm', ...user, 'made', ...seen)).toBe('1\n0\nx\n');
    expect(await berth('run', '--rm', '--userns', 'host', ...user, 'made', ...seen)).toBe('1\n0\nx\n');
    await berth('start', 'own');
    expect(await inside('own', 'stat -c %u /mine /data/note')).toBe('1\n0\n');
  });

  it('starts again by its policy, and shares namespaces with its like alone', async () => {
    const flags = ['-v', 'again:/d', '--restart', 'on-failure:2', '--network', 'container:own'];
    await berth('run', '-d', '--name', 'again', ...flags, 'box', 'sh', '-c', 'echo x >> /d/x; exit 3');
    expect(await inside('own', 'ip -o -4 address show eth0')).toBe(
      await berth(
        'run',
        '--rm',
        '--network',
        'container:own',
        'box',
        'ip',
        '-o',
        '-4',
        'address',
        'show',
        'eth0',
      ),
    );
    const { mountpoint } = JSON.parse(
      await berth('volume', 'inspect', '-f', '{"mountpoint":"{{.Mountpoint}}"}', 'again'),
    );
    await expect
      .poll(() => readFileSync(join(mountpoint, 'x'), 'utf8'), { timeout: 20_000 })
      .toBe('x\nx\nx\n');
    await berth('run', '-d', '--name', 'plain', '--userns', 'host', 'box', 'sleep', '1000');
    expect(await tryBerth('run', '--rm', '--pid', 'container:plain', 'box', 'true')).toMatchObject({
      code: 125,
      stderr: expect.stringContaining('cannot share namespaces of the container plain'),
    });
  });

  it.each([
    { flags: ['--privileged'], message: 'privileged mode is incompatible with user namespaces' },
    { flags: ['--network', 'host'], message: "cannot share the host's network namespace" },
    { flags: ['--pid', 'host'], message: "cannot share the host's PID namespace" },
    {
      flags: ['--userns', 'keep-id'],
      message: 'invalid user namespace mode: keep-id; there are host and auto',
    },
  ])('is refused with $flags', async ({ flags, message }) => {
    expect(await tryBerth('create', ...flags, 'box')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(message),
    });
  });

  it('is told whose ids are missing', async () => {
    const ended = await place.tryRun(['create', '--userns', 'auto', 'box'], {
      env: { BERTH_USERNS_REMAP: 'nosuch' },
    });
    expect(ended.stderr).toContain('65536 ids that /etc/subuid gives to nosuch, and it gives none');
    const socket = `unix://${place.folder}/engine.sock`;
    expect(await place.tryRun(['engine', '-H', socket, '--userns-remap', 'nosuch:too'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('/etc/subuid gives to nosuch'),
    });
  });

  it('is what docker gets of an engine that is told so', async () => {
    const flags = ['--root', place.root, '--userns-remap', OWNER];
    await using engine = await EngineProcess.start({ prefix: place.prefix, flags });
    const map = ['cat', '/proc/self/uid_map'];
    expect(await engine.docker(['run', '--rm', '--network', 'none', 'box', ...map])).toContain(
      String(subordinateIDs(OWNER).uids.first),
    );
    expect(await engine.docker(['run', '--rm', '--userns', 'host', 'box', ...map])).toContain(' 4294967295');
    expect(await engine.docker(['info', '-f', '{{.SecurityOptions}}'])).toContain('name=userns');
  });
});
