import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { afterFailure } from '../support/after-failure.js';
import { BERTH } from '../support/berth-process.js';
import { killAtOnce } from '../support/kill-at-once.js';
import { run } from '../support/run.js';
import { Terminal } from '../support/terminal.js';
import { ContainerPlace } from './container-place.js';

let place: ContainerPlace;

beforeAll(async () => {
  place = await ContainerPlace.create();
});
afterAll(async () => {
  await place[Symbol.asyncDispose]();
});
afterFailure(() => place.clear());

const inspect = (name: string, format: string) =>
  place.run(['ps', '-a', '--filter', `name=^${name}$`, '--format', format]);

async function until(isSo: () => Promise<boolean>, timeoutMs = 60_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error('it did not come about');
    await sleep(100);
  }
}

/** Whether a process has something to do at SIGHUP, the first of the signals: Node has not by itself. */
function handsOn(pid: number): boolean {
  const [, caught = ''] = /^SigCgt:\t(\w+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number.parseInt(caught.slice(-1), 16) % 2 === 1;
}

/** What a container of this place would leave on the machine. */
function leftovers(): string[] {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line.includes(place.root));
  return [...mounts, ...readdirSync(join(place.root, 'containers'))];
}

describe('berth run', () => {
  it('prints what the command prints, ends as it does, and leaves nothing with --rm', async () => {
    const { code, stdout } = await place.tryRun(['run', '--rm', 'box', 'sh', '-c', 'echo out; exit 3']);
    expect({ code, stdout }).toEqual({ code: 3, stdout: 'out\n' });
    await until(async () => (await place.run(['ps', '-aq'])) === '');
    await until(async () => leftovers().length === 0); // monitors clean up by themselves
  });
  it('loses nothing when an interrupt ends what joins it to the container, before that can ignore it', async () => {
    const bin = join(place.root, 'interrupted');
    mkdirSync(bin);
    const perl = `case $* in *attach*) mkdir ${bin}/once 2>/dev/null && kill -INT $$ ;; esac\nexec /usr/bin/perl "$@"\n`;
    writeFileSync(join(bin, 'perl'), `#!/bin/sh\n${perl}`, { mode: 0o755 });
    const env = { ...place.env, PATH: `${bin}:${place.env.PATH}` };
    const args = ['run', '--rm', '--network', 'none', 'box', 'echo', 'out'];
    expect(await run([BERTH, ...args], { env })).toBe('out\n');
    expect(readdirSync(bin).sort()).toEqual(['once', 'perl']);
  });
  it.each([
    { why: 'no such command', args: ['box', 'nosuch'], code: 127 },
    { why: 'a command that cannot be run', args: ['box', '/etc/passwd'], code: 126 },
    { why: 'no such image', args: ['--pull', 'never', 'nosuch', 'true'], code: 125 },
    { why: 'a network that there is not', args: ['--network', 'mine', 'box', 'true'], code: 125 },
    { why: 'ports that cannot be published', args: ['-p', '192.0.2.9:80:80', 'box', 'true'], code: 125 },
    { why: 'a capability that nobody knows', args: ['--cap-drop', 'NET_RAWW', 'box', 'true'], code: 125 },
    { why: 'a profile that is not there', args: ['--security-opt', 'seccomp={}', 'box', 'true'], code: 125 },
    { why: 'no such user', args: ['--user', 'nobody-here', 'box', 'true'], code: 125 },
    { why: 'variables that cannot be read', args: ['--env-file', '/nowhere/env', 'box', 'true'], code: 125 },
    { why: 'an option that there is not', args: ['--nosuch', 'box', 'true'], code: 125 },
  ])('ends with $code for $why', async ({ args, code }) => {
    const ended = await place.tryRun(['run', '--rm', ...args]);
    expect(ended.code).toBe(code);
    expect(ended.stderr).toMatch(/^(berth|error): ./);
  });
  it.each(['run', 'exec'])('ends with 1, as docker does, where %s -it has no terminal', async (command) => {
    const { code, stderr } = await place.tryRun([command, '-it', 'box', 'true']);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: 'berth: the input device is not a TTY: leave out -t\n',
    });
  });
  it('has the system calls of a profile of its own', async () => {
    const profile = join(place.root, 'profile.json');
    const rule = { names: ['chmod', 'fchmodat', 'fchmodat2'], action: 'SCMP_ACT_ERRNO', errnoRet: 38 };
    writeFileSync(profile, JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [rule] }));
    const flags = ['--rm', '--security-opt', `seccomp=${profile}`];
    const { stderr, code } = await place.tryRun(['run', ...flags, 'box', 'chmod', '0', '/etc/passwd']);
    expect(code).toBe(1);
    expect(stderr).toContain('Function not implemented');
  });
  it('sends input byte for byte with -i, and its end', async () => {
    const input = randomBytes(300_000);
    const { stdout } = await place.tryRun(['run', '--rm', '-i', 'box', 'sha256sum'], { input });
    expect(stdout.split(' ')[0]).toBe(createHash('sha256').update(input).digest('hex'));
  });
  it('keeps stdout and stderr apart, and takes options of the command for what they are', async () => {
    const command = ['sh', '-c', 'echo "$@" >&2; echo out', 'sh', '-v', '--rm', '--debug'];
    const output = join(place.root, 'stderr');
    const script = `exec ${place.prefix.join(' ')} "$0" run --rm --network none box "$@" 2> ${output}`;
    expect(await run(['sh', '-c', script, BERTH, ...command], { env: place.env })).toBe('out\n');
    expect(readFileSync(output, 'utf8')).toBe('-v --rm --debug\n');
  });
  it('gives the container what the flags say', async () => {
    const flags = ['-e', 'A=1', '-e', 'PASSED', '-w', '/made', '-u', 'daemon', '-h', 'ship', '--read-only'];
    const script =
      'echo $A $PASSED $(pwd) $(id -u) $(hostname); touch /x 2>/dev/null || echo read-only; grep Groups /proc/self/status';
    const more = ['--cap-drop', 'ALL', '--entrypoint', 'sh'];
    const output = await place.run(['run', '--rm', ...flags, ...more, 'box', '-c', script], {
      env: { PASSED: 'on' },
    });
    expect(output).toBe('1 on /made 1 ship\nread-only\nGroups:\t1 \n');
  });
  it('has what is mounted and no more than it may use, and keeps what it printed', async () => {
    const mounts = ['-v', `${place.root}/shared:/host:ro`, '-v', 'kept:/data', '-v', '/anonymous'];
    const limits = ['--tmpfs', '/memory:size=1m', '-m', '64m', '--pids-limit', '50'];
    const script =
      'echo x > /data/file; touch /host/x 2>/dev/null || echo read-only; df /memory | tail -n 1 | awk "{print \\$2}"; echo last >&2';
    const args = ['run', '--name', 'full', ...mounts, ...limits, 'box', 'sh', '-c', script];
    expect(await place.run(args)).toBe('read-only\n1024\n');
    expect(await place.run(['inspect', '-f', '{{.State.Status}}', 'full'])).toBe('exited\n'); // at once
    expect(await place.run(['run', '--rm', '--volumes-from', 'full', 'box', 'cat', '/data/file'])).toBe(
      'x\n',
    );
    expect(await place.run(['logs', '--tail', '2', 'full'])).toBe('1024\n');
    expect((await place.tryRun(['volume', 'rm', 'kept'])).stderr).toContain('volume is in use');
    expect(await place.run(['inspect', '-f', '{{.HostConfig.Memory}} {{len .Mounts}}', 'full'])).toBe(
      '67108864 3\n',
    );
    await place.run(['rm', '-v', 'full']);
    expect(await place.run(['volume', 'ls', '-q'])).toBe('kept\n');
  });
  it('has a terminal with -t, which its window resizes, and leaves it with ctrl-p ctrl-q', async () => {
    const command = `${place.prefix.join(' ')} ${BERTH} run -it --name term box sh -c 'tty; stty size; read line; echo "got $line"; stty size; read line; echo "got $line"; sleep 100'`;
    await using terminal = await Terminal.start(command, { columns: 90, rows: 25, env: place.env });
    await terminal.until(/^\/dev\/pts\/0$/);
    await terminal.type('hello');
    await terminal.until(/^got hello$/);
    await terminal.until(/^25 90$/);
    const exec = `${place.prefix.join(' ')} ${BERTH} exec -it term`;
    await using other = await Terminal.start(
      `${exec} sh -c 'stty size; read line; stty -onlcr; printf "$line\\ndown\\r\\n"; exit 4'; echo "code $?"; stty -a`,
      { columns: 70, rows: 20, env: place.env },
    );
    await other.until(/^20 70$/);
    await other.type('first');
    await other.until(/^first$/);
    await other.until(/^ {5}down$/); // a line feed of a program that draws only goes down
    await other.until(/^code 4$/);
    await other.until(/^opost .* onlcr /);
    await using left = await Terminal.start(`${exec} sh -c 'read line; echo "$line" > /left; sleep 1000'`, {
      columns: 70,
      rows: 20,
      env: place.env,
    });
    await left.type('typed');
    const seen = () => place.tryRun(['exec', 'term', 'cat', '/left']);
    await until(async () => (await seen()).stdout === 'typed\n');
    await left.press('C-p');
    await left.press('C-q');
    await left.until(/^ended with 0$/);
    expect(await place.run(['top', 'term'])).toMatch(/sleep 1000$/m);
    await terminal.press('C-p');
    await terminal.press('C-q');
    await terminal.until(/^ended with 0$/);
    expect(await inspect('term', '{{.State}}')).toBe('running\n');
    await using again = await Terminal.start(`${place.prefix.join(' ')} ${BERTH} attach term`, {
      columns: 90,
      rows: 25,
      env: place.env,
    });
    await again.type('back');
    await again.until(/^got back$/);
    await place.run(['rm', '-f', 'term']);
  });
});

describe('the life of a container', () => {
  it('is created, started, looked into, paused, renamed, stopped, started again and removed', async () => {
    await place.run(['create', '--name', 'one', 'box', 'sleep', '100']);
    expect(await inspect('one', '{{.State}}')).toBe('created\n');
    await place.run(['start', 'one']);
    expect(await inspect('one', '{{.Status}}')).toMatch(/^Up /);
    const exec = await place.tryRun(['exec', '-e', 'B=2', 'one', 'sh', '-c', 'echo $B > /left; exit 4']);
    expect(exec.code).toBe(4);
    const missing = await place.tryRun(['exec', 'one', 'nosuch']);
    expect(missing.code).toBe(127);
    expect(missing.stderr.match(/executable file not found/g)).toHaveLength(1);
    await place.run(['pause', 'one']);
    expect(await inspect('one', '{{.Status}}')).toMatch(/ \(Paused\)$/m);
    expect((await place.tryRun(['exec', 'one', 'true'])).stderr).toContain('is paused');
    await place.run(['unpause', 'one']);
    await place.run(['rename', 'one', 'two']);
    await place.run(['stop', '-t', '0', 'two']);
    expect(await inspect('two', '{{.Status}}')).toMatch(/^Exited \(137\) /);
    await place.run(['start', 'two']);
    expect(await place.run(['exec', 'two', 'cat', '/left'])).toBe('2\n');
    expect((await place.tryRun(['rm', 'two'])).stderr).toContain('container is running');
    await place.run(['rm', '-f', 'two']);
    expect(await place.run(['rm', '-f', 'two'])).toBe('');
    expect((await place.tryRun(['inspect', 'two'])).stderr).toBe('berth: No such object: two\n');
    await until(async () => leftovers().length === 0); // monitors clean up by themselves
  });
  it('ends by the signal that it is asked with, if it listens', async () => {
    const script = 'trap "exit 9" USR1; echo ready; while :; do sleep 0.1; done';
    await place.run(['run', '-d', '--name', 'trap', '--stop-signal', 'USR1', 'box', 'sh', '-c', script]);
    await until(async () => (await place.run(['logs', 'trap'])) === 'ready\n');
    await place.run(['stop', 'trap']);
    expect(await place.run(['wait', 'trap'])).toBe('9\n');
    await place.run(['rm', 'trap']);
  });
  it('can be killed while somebody waits for its end', async () => {
    await place.run(['run', '-d', '--name', 'deaf', 'box', 'sleep', '1000']); // the first process ignores SIGTERM
    const stopped = place.run(['stop', '-t', '1000', 'deaf']);
    await sleep(1500);
    await place.run(['kill', 'deaf'], { timeoutMs: 60_000 });
    expect(await stopped).toBe('deaf\n');
    await place.run(['rm', 'deaf']);
  });
  it('is nothing that others on this machine could read or run', () => {
    const modes = ['runtime.sqlite', 'containers'].map(
      (name) => statSync(join(place.root, name)).mode & 0o077,
    );
    expect(modes).toEqual([0, 0]);
  });
  it('shows only what is attached, and keeps no log where none is wanted', async () => {
    const script = 'echo out; echo err >&2';
    const args = [
      'run',
      '--name',
      'quiet',
      '--log-driver',
      'none',
      '-a',
      'stderr',
      'box',
      'sh',
      '-c',
      script,
    ];
    expect(await place.run(args)).toBe('');
    expect((await place.tryRun(['logs', 'quiet'])).stderr).toContain('its log driver is none');
    const id = (await inspect('quiet', '{{.ID}}')).trim();
    const [folder = ''] = readdirSync(join(place.root, 'containers')).filter((name) => name.startsWith(id));
    expect(readdirSync(join(place.root, 'containers', folder))).not.toContain('log');
    await place.run(['rm', 'quiet']);
  });
  it('is entered with variables of a file, and with all that root may', async () => {
    await place.run(['run', '-d', '--name', 'inner', 'box', 'sleep', '100']);
    const file = join(place.root, 'variables');
    writeFileSync(file, '# none\nA=1\n');
    const script = 'echo $A; grep CapEff /proc/self/status';
    const usual = await place.run(['exec', '--env-file', file, 'inner', 'sh', '-c', script]);
    const all = await place.run(['exec', '--env-file', file, '--privileged', 'inner', 'sh', '-c', script]);
    expect(usual).toMatch(/^1\nCapEff:\t0{6}00a80425fb\n$/);
    expect(all).toMatch(/^1\nCapEff:\t0{5}1[0-9a-f]{10}\n$/);
    await place.run(['rm', '-f', 'inner']);
  });
  it('is entered with a terminal where there is none here', async () => {
    await place.run(['run', '-d', '--name', 'inner', '--network', 'none', 'box', 'sleep', '100']);
    const script = 'tty; stty size; echo err >&2; exit 3';
    expect(await place.tryRun(['exec', '-t', 'inner', 'sh', '-c', script])).toMatchObject({
      code: 3,
      stdout: expect.stringMatching(/^\/dev\/pts\/\d\r\n(.*)\r\nerr\r\n$/),
    });
    const plain = await place.tryRun(['exec', '-t', 'inner', 'sh', '-c', 'stty -onlcr; echo one; echo two']);
    expect(plain).toMatchObject({ code: 0, stdout: 'one\ntwo\n' });
    const background = ['exec', '-t', 'inner', 'sh', '-c', 'sleep 100 & head -c 200000 /dev/zero'];
    expect(await place.run(background)).toHaveLength(200_000);
    const missing = await place.tryRun(['exec', '-t', 'inner', 'nosuch']);
    expect(missing.code).toBe(127);
    expect(missing.stdout).toContain('executable file not found');
    await place.run(['rm', '-f', 'inner']);
  });
  it('is started with this input and output on it, and ends with its exit code', async () => {
    await place.run(['create', '-i', '--name', 'again', 'box', 'sh', '-c', 'cat; exit 6']);
    const { code, stdout } = await place.tryRun(['start', '-ai', 'again'], { input: 'given' });
    expect({ code, stdout }).toEqual({ code: 6, stdout: 'given' });
    await place.run(['rm', 'again']);
  });
  it('refuses a name that is taken', async () => {
    await place.run(['create', '--name', 'taken', 'box']);
    const { code, stderr } = await place.tryRun(['run', '--name', 'taken', 'box', 'true']);
    expect(code).toBe(125);
    expect(stderr).toContain('The container name "/taken" is already in use by container');
    await place.run(['rm', 'taken']);
  });
  it('starts again as its restart policy says, and not when a person stopped it', async () => {
    await place.run([
      'run',
      '-d',
      '--name',
      'again',
      '--restart',
      'on-failure:2',
      'box',
      'sh',
      '-c',
      'echo x >> /n; exit 1',
    ]);
    const state = ['inspect', '-f', '{{.RestartCount}} {{.State.Status}}', 'again'];
    const seen = new Set<string>();
    await until(async () => seen.add(await place.run(state)).has('2 exited\n'));
    expect([...seen].filter((each) => each.includes('exited'))).toEqual(['2 exited\n']);
    await place.run(['run', '-d', '--name', 'always', '--restart', 'always', 'box', 'sleep', '100']);
    await place.run(['stop', '-t', '0', 'always']);
    await sleep(500);
    expect(await inspect('always', '{{.State}}')).toBe('exited\n');
    await place.run(['rm', 'again', 'always']);
  });
  it('is waited for to the end of one run, though it starts again', async () => {
    const flags = ['-d', '--name', 'again', '--restart', 'always'];
    await place.run(['run', ...flags, 'box', 'sh', '-c', 'sleep 3; exit 5']);
    expect(await place.run(['wait', 'again'])).toBe('5\n');
    const restarts = ['inspect', '-f', '{{.RestartCount}}', 'again'];
    await until(async () => Number(await place.run(restarts)) > 0);
    await place.run(['rm', '-f', 'again']);
    expect((await place.tryRun(['wait', 'again'])).code).not.toBe(0);
  });
});

describe('berth run without a terminal', () => {
  it('is left by the third interrupt, when the container takes no notice of any', async () => {
    const args = ['run', '--rm', '--name', 'deaf', '--network', 'none', 'box', 'sleep', '1000'];
    const cli = spawn(BERTH, args, { env: place.env, stdio: ['ignore', 'ignore', 'pipe'] });
    const said = text(cli.stderr);
    const ended = once(cli, 'exit');
    await until(async () => (await inspect('deaf', '{{.State}}')) === 'running\n');
    await until(async () => handsOn(cli.pid ?? 0));
    let sent = 0;
    // On a busy machine two of them may arrive as one.
    for (; cli.exitCode === null && cli.signalCode === null; sent += 1) {
      cli.kill('SIGINT');
      await Promise.race([ended, sleep(500)]);
    }
    expect(sent).toBeGreaterThanOrEqual(3);
    expect(await ended).toEqual([130, null]);
    expect(await said).toMatch(/^berth: the container goes on: `berth stop [0-9a-f]{12}` ends it\n$/);
    await place.run(['stop', '-t', '0', 'deaf']);
  });
});

describe('a command whose output nobody reads any more', () => {
  const PRINTS = 'i=0; while [ $i -lt 300 ]; do head -c 100000 /dev/zero; sleep 0.1; i=$((i + 1)); done';
  /** @returns how it ends whose reader goes away after the first bytes. */
  async function unread(args: readonly string[]): Promise<unknown[]> {
    const cli = spawn(BERTH, args, { env: place.env, stdio: ['ignore', 'pipe', 'inherit'] });
    return unreadFrom(cli, cli.stdout);
  }
  function unreadFrom(cli: ChildProcess, output: Readable): Promise<unknown[]> {
    output.once('data', () => output.destroy());
    return once(cli, 'exit');
  }
  /** @returns how it ends that prints without end, when nobody reads for a while, and then goes away. */
  function unreadWhenFull(args: readonly string[]): Promise<unknown[]> {
    const cli = spawn(BERTH, args, { env: place.env, stdio: ['ignore', 'pipe', 'inherit'] });
    cli.stdout.once('readable', () => setTimeout(() => cli.stdout.destroy(), 500));
    return once(cli, 'exit');
  }

  it('ends as by SIGPIPE, with the container that it has made', async () => {
    const args = ['run', '--rm', '--name', 'unread', '--network', 'none', 'box', 'sh', '-c', PRINTS];
    expect(await unread(args)).toEqual([141, null]);
    expect(await inspect('unread', '{{.State}}')).toBe('');
  });
  it('leaves a container alone that was there before, or that has no signals of it', async () => {
    const args = ['--name', 'printer', '--network', 'none', 'box', 'sh', '-c', PRINTS];
    expect(await unread(['run', '--sig-proxy=false', ...args])).toEqual([141, null]);
    expect(await unread(['attach', 'printer'])).toEqual([141, null]);
    expect(await inspect('printer', '{{.State}}')).toBe('running\n');
    expect(await unread(['exec', '-t', 'printer', 'sh', '-c', PRINTS])).toEqual([141, null]);
    expect(await unread(['logs', '-f', 'printer'])).toEqual([141, null]);
    await place.run(['rm', '-f', 'printer']);
  });
  it('ends so too when it waits for the reader who goes away', async () => {
    const args = ['--network', 'none', 'box', 'cat', '/dev/zero'];
    expect(await unreadWhenFull(['run', '--rm', ...args])).toEqual([141, null]);
    await place.run(['run', '-d', '--name', 'idler', '--network', 'none', 'box', 'sleep', '1000']);
    expect(await unreadWhenFull(['exec', '-t', 'idler', 'cat', '/dev/zero'])).toEqual([141, null]);
    await place.run(['rm', '-f', 'idler']);
  });
  it('says why nothing takes its output, also when the container has ended meanwhile', async () => {
    const args = ['run', '--rm', '--network', 'none', 'box', 'echo', 'lost'];
    const cli = spawn('sh', ['-c', 'exec "$0" "$@" >/dev/full', BERTH, ...args], {
      env: place.env,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const said = text(cli.stderr);
    expect(await once(cli, 'exit')).toEqual([141, null]);
    expect(await said).toBe('berth: cannot write the output: No space left on device\n');
  });
  it('ends where it shows logs, whichever output they go to', async () => {
    const args = [
      'run',
      '-d',
      '--name',
      'moaner',
      '--network',
      'none',
      'box',
      'sh',
      '-c',
      `exec >&2; ${PRINTS}`,
    ];
    await place.run(args);
    const logs = spawn(BERTH, ['logs', '-f', 'moaner'], {
      env: place.env,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    expect(await unreadFrom(logs, logs.stderr)).toEqual([141, null]);
    await place.run(['rm', '-f', 'moaner']);
  });
});

describe('the log of a container', () => {
  it('has a largest size, where no engine rotates it', async () => {
    const args = ['--log-opt', 'max-size=20m', '--network', 'none', 'box', 'sleep', '100'];
    const id = (await place.run(['run', '-d', ...args])).trim();
    const monitor = readFileSync(join(place.root, 'containers', id, 'conmon.pid'), 'utf8').trim();
    const options = readFileSync(`/proc/${monitor}/cmdline`, 'utf8').split('\0');
    expect(options[options.indexOf('--log-size-max') + 1]).toBe('200000000');
    await place.run(['rm', '-f', id]);
  });
});

describe('what is killed', () => {
  it('leaves the container to itself, when it was the command that started it', async () => {
    const cli = spawn(
      'nsenter',
      [...place.prefix.slice(1), BERTH, 'run', '--name', 'orphan', 'box', 'sleep', '100'],
      {
        env: place.env,
        stdio: 'ignore',
      },
    );
    await until(async () => (await inspect('orphan', '{{.State}}')) === 'running\n');
    cli.kill('SIGKILL');
    expect(await place.run(['exec', 'orphan', 'echo', 'alive'])).toBe('alive\n');
    await place.run(['rm', '-f', 'orphan']);
  });
  it('goes on, when it was paused for a commit', async () => {
    const script = 'head -c 60000000 /dev/urandom > /file; echo ready; exec sleep 100';
    await place.run(['run', '-d', '--name', 'held', '--network', 'none', 'box', 'sh', '-c', script]);
    await until(async () => (await place.run(['logs', 'held'])) === 'ready\n');
    const cli = spawn(BERTH, ['commit', 'held'], { env: place.env, stdio: 'ignore' });
    const names = () => readdirSync(join(place.root, 'tmp'), { recursive: true }).join(' ');
    await expect.poll(names).toContain('commit-');
    cli.kill('SIGKILL');
    await once(cli, 'exit');
    expect(await inspect('held', '{{.State}}')).toBe('running\n');
    expect(await place.run(['exec', 'held', 'echo', 'alive'])).toBe('alive\n');
    await place.run(['rm', '-f', 'held']);
  });
  it('is told as ended when it was the monitor, and can be started again', async () => {
    const id = (await place.run(['run', '-d', '--name', 'bereft', 'box', 'sleep', '100'])).trim();
    await killAtOnce(Number(readFileSync(join(place.root, 'containers', id, 'conmon.pid'), 'utf8')));
    expect(await inspect('bereft', '{{.Status}}')).toMatch(/^Exited \(137\) /);
    await place.run(['start', 'bereft']);
    expect(await inspect('bereft', '{{.State}}')).toBe('running\n');
    await place.run(['rm', '-f', 'bereft']);
    await until(async () => leftovers().length === 0); // monitors clean up by themselves
  });
});

describe('berth info', () => {
  it('tells which program makes containers', async () => {
    expect(await place.run(['info'])).toMatch(/ Runtimes: (runc|crun)\n Default Runtime: \1\n/);
    // As crun is called; it does not work with the cgroups of every machine.
    const directory = join(place.folder, 'programs');
    mkdirSync(directory);
    const crun = join(directory, 'crun');
    const script = `for word; do shift; set -- "$@" "\${word#file:}"; done; exec runc "$@"`;
    writeFileSync(crun, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    const env = { PATH: `${directory}:${process.env.PATH}` };
    expect(await place.run(['info'], { env })).toContain(' Runtimes: crun\n Default Runtime: crun\n');
    expect(await place.run(['run', '--rm', 'box', 'echo', 'made'], { env })).toBe('made\n');
    const info = await place.run(['info', '-f', '{{json .Runtimes}}'], { env });
    expect(JSON.parse(info)).toEqual({ crun: { path: crun } });
  });
});
