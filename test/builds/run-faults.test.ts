import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StackLayer } from '../../src/layer/index.js';

import { asUser } from '../support/ordinary-user.js';
import { cleanEnvironment, run } from '../support/run.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';
import { busyboxLayer, openContainers, runStep, stepOf } from './step.js';

const isRoot = process.getuid?.() === 0;
const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const CHILD = [process.execPath, '--import', file('source-hooks.mjs'), file('run-child.ts')];

let folder: TemporaryFolder;
let base: StackLayer;
let tar: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  base = await busyboxLayer(folder.path);
  tar = join(folder.path, 'busybox.tar');
  await run(['chmod', '755', folder.path]);
});
afterAll(async () => {
  await folder?.[Symbol.asyncDispose]();
});

describe('what is left', () => {
  it('by a process that was killed is ended and removed by the next', async () => {
    const root = join(folder.path, 'killed');
    const marker = `${process.pid}${Date.now()}`;
    const child = start([...CHILD, root, tar, `echo up; sleep ${marker}`]);
    await untilPrints(child, 'up');
    child.kill('SIGKILL');
    await once(child, 'exit');
    await using containers = openContainers(root);
    expect((await runStep(containers, stepOf([base], 'echo next'))).stdout).toBe('next\n');
    await expect.poll(() => commands().filter((command) => command.includes(marker))).toEqual([]);
    expect(readdirSync(join(root, 'snapshots/work')).filter((name) => !name.endsWith('.lock'))).toHaveLength(
      1,
    );
    expect(readFileSync('/proc/1/mountinfo', 'utf8')).not.toContain(root);
  });

  it('by processes that work at the same time is one snapshot', async () => {
    const root = join(folder.path, 'together');
    const outcomes = await Promise.all(
      ['1', '2', '3'].map((n) => run([...CHILD, root, tar, `echo ${n} > /n`], { env: cleanEnvironment() })),
    );
    expect(outcomes.map((text) => JSON.parse(text).exitCode)).toEqual([0, 0, 0]);
    const names = readdirSync(join(root, 'snapshots')).filter((name) => /^[0-9a-f]{64}$/.test(name));
    expect(names).toHaveLength(4); // the base and three steps
  });
});

describe('a snapshot', () => {
  it('of an earlier boot, which may have lost something, is made again', async () => {
    const root = join(folder.path, 'boot');
    const tree = await oneSnapshot(root);
    writeFileSync(join(tree, '../meta.json'), JSON.stringify({ boot: 'earlier', attributes: 'system' }));
    await run(['rm', join(tree, 'etc/group')]);
    await oneSnapshot(root);
    expect(existsSync(join(tree, 'etc/group'))).toBe(true);
  });

  it('is removed unless it is to be kept, and never while another process may use it', async () => {
    const root = join(folder.path, 'prune');
    const tree = await oneSnapshot(root);
    await using first = openContainers(root);
    await using second = openContainers(root);
    await second.ensure([]);
    expect(await first.pruneSnapshots([])).toBe(false);
    await second[Symbol.asyncDispose]();
    expect(await first.pruneSnapshots([base.diffID])).toBe(true);
    expect(existsSync(tree)).toBe(true);
    expect(await first.pruneSnapshots([])).toBe(true);
    expect(existsSync(tree)).toBe(false);
  });

  async function oneSnapshot(root: string): Promise<string> {
    await using containers = openContainers(root);
    const [tree = ''] = await containers.ensure([base]);
    return tree;
  }
});

describe('a failed step', () => {
  it('can be looked at in a shell', async () => {
    const command = [...CHILD, join(folder.path, 'shell'), tar, 'echo left > /left; exit 3', 'shell'];
    const script = command.map((word) => `'${word}'`).join(' ');
    const shown = await run(['script', '-qefc', script, '/dev/null'], {
      input: 'cat /left; tty; exit 5\n',
      env: cleanEnvironment({ SHELL: '/bin/sh' }),
    });
    expect(shown).toContain('{"exitCode":3}');
    expect(shown).toMatch(/left\s+\/dev\/(pts\/0|console)/);
  });
});

describe.runIf(isRoot)('an ordinary user', () => {
  const user = `berth-b${randomInt(1e6)}`;
  beforeAll(async () => void (await run(['useradd', '--create-home', user])));
  afterAll(async () => void (await run(['userdel', '--remove', user])));

  const as = (command: readonly string[]) => [...asUser(user), ...command];
  const environment = () => cleanEnvironment({ HOME: `/home/${user}`, TMPDIR: `/home/${user}` });

  it('has all that root has', async () => {
    const vitest = file('../../node_modules/vitest/vitest.mjs');
    const options = [
      '--configLoader',
      'native',
      '--config',
      file('../vitest.config.ts'),
      '--project',
      'integration',
    ];
    const tests = [...options, 'test/builds/run-steps.test.ts'];
    await run(as([process.execPath, vitest, 'run', ...tests]), { env: environment(), timeoutMs: 240_000 });
  });

  it('without further ids has a container where all are root', async () => {
    await run(['usermod', '--del-subuids', '1-4294967294', '--del-subgids', '1-4294967294', user]);
    await run(['chmod', '644', tar]);
    const step = [...CHILD, `/home/${user}/single`, tar, 'id -u; echo x > /new; stat -c %u /etc /new >&2'];
    const outcome = JSON.parse(await run(as(step), { env: environment() }));
    expect(outcome).toMatchObject({ exitCode: 0, layer: { size: expect.any(Number) } });
  });

  it('is told which ids an image needs that it was not given', async () => {
    const few = ['--add-subuids', '4100000000-4100000009', '--add-subgids', '4100000000-4100000009'];
    await run(['usermod', '--del-subuids', '1-4294967294', '--del-subgids', '1-4294967294', user]);
    await run(['usermod', ...few, user]);
    const foreign = join(folder.path, 'foreign.tar');
    await run(['tar', '-cf', foreign, '-C', '/', '--owner=5000', '--group=0', 'etc/hostname']);
    await run(['chmod', '644', foreign]);
    const step = [...CHILD, `/home/${user}/few`, foreign, 'true'];
    await expect(run(as(step), { env: environment() })).rejects.toThrow('beyond those that /etc/subuid');
  });

  it('goes without attributes that only root of the machine could give to files', async () => {
    const odd = join(folder.path, 'odd.tar');
    const option = '--pax-option=SCHILY.xattr.trusted.odd:=x,SCHILY.xattr.security.ima:=y';
    const busybox = join(folder.path, 'busybox');
    await run(['tar', '-cf', odd, '-C', busybox, '--format=posix', '--owner=0', '--group=0', option, 'bin']);
    await run(['chmod', '644', odd]);
    const step = [...CHILD, `/home/${user}/odd`, odd, 'echo ran'];
    expect(JSON.parse(await run(as(step), { env: environment() }))).toMatchObject({ exitCode: 0 });
  });
});

function start(command: readonly string[]): ChildProcess {
  const [program = '', ...args] = command;
  return spawn(program, args, { stdio: ['ignore', 'inherit', 'pipe'], env: cleanEnvironment() });
}

async function untilPrints(child: ChildProcess, text: string): Promise<void> {
  let printed = '';
  child.stderr?.on('data', (chunk) => {
    printed += chunk;
  });
  while (!printed.includes(text)) {
    if (child.exitCode !== null) throw new Error(`the process has ended: ${printed}`);
    await setTimeout(10);
  }
}

function commands(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      } catch {
        return ''; // gone meanwhile
      }
    });
}
