import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunStep, StackLayer } from '../../src/layer/index.js';
import type { Containers } from '../../src/runtime/index.js';
import { run } from '../support/run.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';
import { busyboxLayer, layerOf, openContainers, runStep, stepOf, tarLayer } from './step.js';

const owner = { mode: 0o755, uid: 0, gid: 0 };

const isRoot = process.getuid?.() === 0;

describe(`a RUN step as ${isRoot ? 'root' : 'an ordinary user'}`, () => {
  let folder: TemporaryFolder;
  let containers: Containers;
  let base: StackLayer;

  beforeAll(async () => {
    folder = await temporaryFolder();
    containers = openContainers(join(folder.path, 'root,with:odd=name'));
    base = await busyboxLayer(folder.path);
  });
  afterAll(async () => {
    await containers?.discard([join(folder.path, 'caches'), join(folder.path, 'other')]);
    await containers?.[Symbol.asyncDispose]();
    expect(readdirSync(join(folder.path, 'root,with:odd=name/snapshots/work'))).toEqual([]);
    await folder?.[Symbol.asyncDispose]();
  });

  const ran = (script: string, changes: Partial<RunStep> = {}) =>
    runStep(containers, stepOf([base], script, changes));
  const printed = async (script: string, changes: Partial<RunStep> = {}) =>
    (await ran(script, changes)).stdout.trim();

  describe('makes a layer', () => {
    it('of what was changed, with the directories above', async () => {
      const { outcome, names } = await ran('echo new > /etc/new; rm /var/lib/things/a');
      expect(outcome.exitCode).toBe(0);
      expect(names).toEqual([
        'etc/',
        'etc/new',
        'var/',
        'var/lib/',
        'var/lib/things/',
        'var/lib/things/.wh.a',
      ]);
    });

    it('that is empty when nothing was', async () => {
      const { outcome, names } = await ran('true');
      expect(names).toEqual([]);
      expect(outcome).toMatchObject({
        layer: {
          diffID: 'sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef',
          size: 1024,
        },
      });
    });

    it('without the places of mounts, and without a trace of them in times', async () => {
      const { names } = await ran('cat /s/secret /etc/hosts > /dev/null; touch /s2', {
        mounts: [
          { type: 'file', content: Buffer.from('x'), owner, target: '/s/secret', secret: true },
          { type: 'tmpfs', target: '/var/lib/things/deep/er' },
        ],
      });
      expect(names).toEqual(['s2']);
      expect(await printed('stat -c %Y /etc /var/lib/things')).toBe('1000000000\n1000000000');
    });

    it('with the place of a mount where something was left, under the mount', async () => {
      const { names } = await ran('echo x > /etc/resolv.conf.new; mkdir -p /cache/kept', {
        mounts: [{ type: 'tmpfs', target: '/cache/tmp' }],
      });
      expect(names).toEqual(['cache/', 'cache/kept/', 'etc/', 'etc/resolv.conf.new']);
    });

    it('that the next step stands on', async () => {
      const first = await ran('rm -r /var/lib/things; mkdir /var/lib/things; echo 2 > /var/lib/things/z');
      if (!first.outcome.layer) throw new Error('no layer');
      const layer = await layerOf(first.outcome.layer.path);
      expect(layer.diffID).toBe(first.outcome.layer.diffID);
      const second = await runStep(containers, stepOf([base, layer], 'ls /var/lib/things; echo 3 > /three'));
      expect(second).toMatchObject({ stdout: 'z\n', names: ['three'] });
      // From its tar alone, in another store, it is the same.
      await using other = openContainers(join(folder.path, 'other'));
      const third = await runStep(other, stepOf([base, layer], 'ls /var/lib/things'));
      expect(third.stdout).toBe('z\n');
    });

    it('on no layers at all', async () => {
      const { stdout, names } = await runStep(
        containers,
        stepOf([], 'echo scratch', {
          args: ['/box/busybox', 'echo', 'scratch'],
          mounts: [
            { type: 'bind', source: { hostPath: '/bin/busybox' }, target: '/box/busybox', readOnly: true },
          ],
        }),
      );
      expect({ stdout, names }).toEqual({ stdout: 'scratch\n', names: [] });
    });

    it('on a hundred layers', async () => {
      const stack = [base];
      for (let i = 0; i < 100; i += 1) {
        await mkdir(join(folder.path, `l${i}`));
        await writeFile(join(folder.path, `l${i}`, `file${i}`), '');
        stack.push(await tarLayer(join(folder.path, `l${i}`), join(folder.path, `l${i}.tar`)));
      }
      expect((await runStep(containers, stepOf(stack, 'ls / | grep -c file'))).stdout).toBe('100\n');
    });
  });

  describe('ends with', () => {
    it.each([
      { script: 'exit 7', code: 7 },
      { script: "sh -c 'kill -9 $$'; exit $?", code: 137 },
      { script: "sh -c 'kill -TERM $$'; exit $?", code: 143 },
      { script: 'nosuchprogram', code: 127 },
      { args: ['nosuchprogram'], code: 127 },
      { args: ['/bin/nosuchprogram'], code: 127 },
      { args: ['/etc/passwd'], code: 126 },
      { args: ['/etc'], code: 126 },
    ])('$code for $script$args', async ({ script = '', args, code }) => {
      expect((await ran(script, args && { args })).outcome).toEqual({ exitCode: code });
    });

    it('an exception when the container cannot be made', async () => {
      await expect(ran('true', { user: 'nobody' })).rejects.toThrow('no such name in /etc/passwd');
      await expect(ran('true', { cwd: '/etc/passwd/x' })).rejects.toThrow();
      const mount = { type: 'bind', source: { hostPath: '/nowhere' }, target: '/x', readOnly: true } as const;
      await expect(ran('true', { mounts: [mount] })).rejects.toThrow('cannot mount "/nowhere" on /x');
    });

    it('the reason of the signal, and nothing left running', async () => {
      const controller = new AbortController();
      const marker = `${Date.now()}77`;
      const running = ran(`echo started; sleep ${marker}`, {
        signal: controller.signal,
      });
      setTimeout(() => controller.abort(new Error('called off')), 400);
      await expect(running).rejects.toThrow('called off');
      const left = readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && commandOf(pid).includes(marker));
      expect(left).toEqual([]);
    });
  });

  describe('runs with', () => {
    it.each([
      { user: '', id: 'uid=0(root) gid=0(root)' },
      { user: 'app', id: 'uid=1000(app) gid=1001(app) groups=2000(extra)' },
      { user: '1000', id: 'uid=1000(app) gid=1001(app) groups=2000(extra)' },
      { user: 'app:extra', id: 'uid=1000(app) gid=2000(extra)' },
      { user: '5:6', id: 'uid=5 gid=6' },
      { user: '77', id: 'uid=77 gid=0(root)' },
    ])('the user $user', async ({ user, id }) => {
      expect((await printed('id', { user })).replace(/ groups=0\(root\)$/, '')).toBe(id);
    });

    it('HOME, PATH, the hostname and hosts', async () => {
      expect(await printed('echo $HOME $PATH', { user: 'app', env: [] })).toMatch(
        /^\/home\/app \/usr\/local\/sbin/,
      );
      expect(await printed('echo $HOME', { env: ['PATH=/bin', 'HOME=/x'] })).toBe('/x');
      const hosts = await printed('hostname; cat /etc/hosts', { addHosts: ['db:10.0.0.1', 'six:[::5]'] });
      expect(hosts).toContain('sandbox\n127.0.0.1\tlocalhost');
      expect(hosts).toContain('10.0.0.1\tdb\n::5\tsix');
    });

    it('a directory to work in, made when missing', async () => {
      const { stdout, names } = await ran('pwd', { cwd: '/new/place' });
      expect({ stdout, names }).toEqual({ stdout: '/new/place\n', names: ['new/', 'new/place/'] });
    });

    it('empty input, and outputs that can be opened again by anybody', async () => {
      expect(await printed('cat; echo end')).toBe('end');
      const { stdout, stderr } = await ran('echo out > /dev/stdout; echo err > /dev/stderr', { user: 'app' });
      expect({ stdout, stderr }).toEqual({ stdout: 'out\n', stderr: 'err\n' });
    });

    it('the usual devices and file systems', async () => {
      const script =
        'echo x > /dev/null && head -c 3 /dev/zero | wc -c; ls -d /dev/pts /dev/shm /dev/mqueue /proc/1 /sys/class';
      expect((await printed(script)).split('\n')).toHaveLength(6);
      expect(
        await printed('df -k /dev/shm | tail -n 1 | tr -s " " | cut -d" " -f2 || true; df -k /dev/shm', {
          shmBytes: 1 << 20,
        }),
      ).toContain(' 1024 ');
    });

    it("docker's limits of what it may do", async () => {
      const caps = await printed(
        'grep CapEff /proc/self/status; grep -E "Seccomp:|NoNewPrivs" /proc/self/status',
      );
      expect(caps.replaceAll('\t', ' ')).toBe('CapEff: 00000000a80425fb\nNoNewPrivs: 0\nSeccomp: 2');
      expect((await ran('mount -t tmpfs x /tmp')).outcome.exitCode).not.toBe(0);
      expect((await ran('echo 1 > /proc/sys/kernel/core_pattern')).outcome.exitCode).not.toBe(0);
      expect((await ran('mknod /x b 8 0 && head -c 1 /x')).outcome.exitCode).not.toBe(0);
      expect(await printed('cat /proc/keys; head -c 1 /proc/kcore | wc -c')).toBe('0');
    });

    it('nearly all of it when insecure', async () => {
      const { outcome } = await ran('mount -t tmpfs x /tmp && touch /tmp/x && ls /sys/firmware > /dev/null', {
        security: 'insecure',
      });
      expect(outcome.exitCode).toBe(0);
    });

    it('limits of resources, never above our own', async () => {
      const ulimits = [
        { name: 'nofile', soft: 100, hard: 200 },
        { name: 'core', soft: 0, hard: 0 },
      ];
      expect(await printed('ulimit -Sn; ulimit -Hn; ulimit -c', { ulimits })).toBe('100\n200\n0');
      const many = [{ name: 'nofile', soft: 1 << 30, hard: 1 << 30 }];
      expect((await ran('true', { ulimits: many })).outcome.exitCode).toBe(0);
    });

    it('the loopback interface alone, or the network of the machine', async () => {
      const interfaces = 'ls /sys/class/net | sort';
      expect(await printed(`${interfaces}; cat /sys/class/net/lo/operstate`)).toMatch(/^lo\n(unknown|up)$/);
      const own = readdirSync('/sys/class/net').sort().join('\n');
      expect(await printed(interfaces, { network: 'host' })).toBe(own);
      expect(await printed(interfaces, { network: 'default' })).toBe(own);
    });
  });

  describe('mounts', () => {
    let context: string;
    beforeAll(async () => {
      context = join(folder.path, 'context');
      await mkdir(join(context, 'sub'), { recursive: true });
      await writeFile(join(context, 'file'), 'from context\n');
    });

    it('a directory to read', async () => {
      const mounts = [
        { type: 'bind', source: { hostPath: context }, target: '/src', readOnly: true },
      ] as const;
      expect(await printed('cat /src/file; touch /src/x 2>/dev/null || echo refused', { mounts })).toBe(
        'from context\nrefused',
      );
    });

    it('a directory or file to write, for nobody to see', async () => {
      const mounts = [
        { type: 'bind', source: { hostPath: context }, target: '/src', readOnly: false },
        { type: 'bind', source: { hostPath: join(context, 'file') }, target: '/one', readOnly: false },
      ] as const;
      expect(
        await printed('echo more >> /src/file; echo x > /src/new; echo y >> /one; cat /src/file', { mounts }),
      ).toBe('from context\nmore');
      expect(await readFile(join(context, 'file'), 'utf8')).toBe('from context\n');
      expect(readdirSync(context).sort()).toEqual(['file', 'sub']);
    });

    it('one inside another, though its place is missing there', async () => {
      const mounts = [
        { type: 'file', content: Buffer.from('s'), owner, target: '/src/sub/secret', secret: true },
        { type: 'tmpfs', target: '/src/tmp' },
        { type: 'bind', source: { hostPath: context }, target: '/src', readOnly: true },
      ] as const;
      expect(await printed('cat /src/sub/secret /src/file; touch /src/tmp/x && echo ok', { mounts })).toBe(
        'sfrom context\nok',
      );
      expect(readdirSync(context).sort()).toEqual(['file', 'sub']);
    });

    it('a path of other layers', async () => {
      const mounts = [
        {
          type: 'bind',
          source: { stack: [base], path: 'var/lib/things' },
          target: '/things',
          readOnly: true,
        },
        { type: 'bind', source: { stack: [base], path: 'etc/passwd' }, target: '/p', readOnly: true },
      ] as const;
      expect(await printed('ls /things; head -n 1 /p', { mounts })).toBe(
        'a\nb\nc\nroot:x:0:0:root:/root:/bin/sh',
      );
    });

    it('a cache that stays', async () => {
      const directory = join(folder.path, 'caches/one');
      const cache = {
        type: 'cache',
        directory,
        target: '/cache',
        readOnly: false,
        owner: { mode: 0o700, uid: 1000, gid: 1001 },
        seed: { stack: [base], path: 'var/lib/things' },
      } as const;
      expect(
        await printed('ls /cache; echo 1 >> /cache/log; stat -c "%a %u %g" /cache', {
          mounts: [cache],
          user: 'app',
        }),
      ).toBe('a\nb\nc\n700 1000 1001');
      expect(await printed('cat /cache/log', { mounts: [cache] })).toBe('1');
      expect((await ran('touch /cache/x', { mounts: [{ ...cache, readOnly: true }] })).outcome.exitCode).toBe(
        1,
      );
    });

    it.runIf(isRoot)('nothing of the environment to a disk', async () => {
      const secret = `top-secret-${process.pid}`;
      const controller = new AbortController();
      const marker = `${Date.now()}78`;
      const running = ran(`sleep ${marker}`, {
        env: ['PATH=/bin', `TOKEN=${secret}`],
        signal: controller.signal,
      });
      running.catch(() => {});
      await expect
        .poll(() => readdirSync('/proc').some((pid) => commandOf(pid) === `sleep\0${marker}\0`))
        .toBe(true);
      // As others see it: what we have mounted, they have not.
      const outside = ['nsenter', `--mount=/proc/${process.ppid}/ns/mnt`];
      const grep = [
        ...outside,
        'grep',
        '-rl',
        secret,
        join(folder.path, 'root,with:odd=name/snapshots/work'),
      ];
      await expect(run(grep)).rejects.toMatchObject({ code: 1 });
      controller.abort(new Error('seen'));
      await expect(running).rejects.toThrow('seen');
    });

    it('memory, as much as is allowed', async () => {
      const mounts = [{ type: 'tmpfs', target: '/tmp', sizeBytes: 1 << 20 }] as const;
      expect((await ran('dd if=/dev/zero of=/tmp/x bs=1k count=2000', { mounts })).outcome.exitCode).toBe(1);
      expect(await printed('stat -c %a /tmp', { mounts })).toBe('755');
    });

    it('secrets, with their owner, on no disk', async () => {
      const content = Buffer.from(`top secret ${folder.path}`);
      const mounts = [
        {
          type: 'file',
          content,
          owner: { mode: 0o400, uid: 1000, gid: 5 },
          target: '/run/secrets/x',
          secret: true,
        },
      ] as const;
      const { stdout, names } = await ran(
        'cat /run/secrets/x; stat -c " %a %u %g" /run/secrets/x; stat -f -c %T /run/secrets/x',
        { mounts, user: 'app' },
      );
      expect(stdout).toBe(`${content} 400 1000 5\ntmpfs\n`);
      expect(names).toEqual([]);
    });

    it('a file to run', async () => {
      const content = Buffer.from('#!/bin/sh\necho ran as $(id -u)\n');
      const mounts = [{ type: 'file', content, owner, target: '/script', secret: false }] as const;
      expect(await printed('/script', { mounts, user: 'app' })).toBe('ran as 1000');
    });

    it('a socket', async () => {
      const path = join(folder.path, 'agent');
      const server = createServer((socket) => socket.end('agent says hello\n')).listen(path);
      const mounts = [
        {
          type: 'socket',
          hostPath: path,
          owner: { mode: 0o600, uid: 1000, gid: 1001 },
          target: '/run/agent',
        },
      ] as const;
      expect(await printed('stat -c "%F %a %u %g" /run/agent', { mounts })).toBe('socket 600 1000 1001');
      server.close();
    });
  });

  it('passes on much output, and holds back who prints faster than we read', async () => {
    let bytes = 0;
    await containers.run(
      stepOf([base], 'head -c 30000000 /dev/zero', {
        onOutput: (_, chunk) => {
          bytes += chunk.length;
        },
      }),
    );
    expect(bytes).toBe(30_000_000);
  });

  it('keeps what a failed command leaves, when asked', async () => {
    const { outcome } = await ran('echo x > /left; exit 3', { keepFailed: true });
    expect(outcome).toMatchObject({ exitCode: 3, failed: expect.anything() });
    if (!outcome.layer) await outcome.failed?.[Symbol.asyncDispose]();
  });

  it('runs beside others', async () => {
    const all = await Promise.all(['1', '2', '3', '4'].map((n) => ran(`echo ${n} > /n`)));
    expect(all.map(({ names }) => names)).toEqual([['n'], ['n'], ['n'], ['n']]);
    expect(new Set(all.map(({ outcome }) => outcome.layer?.diffID)).size).toBe(4);
  });

  it('refuses a layer that is not what it says', async () => {
    const wrong = {
      ...base,
      diffID: base.diffID.replace(/.$/, (c) => (c === '0' ? '1' : '0')) as StackLayer['diffID'],
    };
    await expect(runStep(containers, stepOf([wrong], 'true'))).rejects.toThrow('its tar is damaged');
  });
});

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}
