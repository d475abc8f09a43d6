import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { cgroupsOf } from '../../src/runtime/limits/index.js';
import { networksPlace } from '../../src/runtime/networks/networks.js';
import { afterFailure } from '../support/after-failure.js';
import { BERTH } from '../support/berth-process.js';
import { killAtOnce } from '../support/kill-at-once.js';
import { run } from '../support/run.js';
import { ContainerPlace } from './container-place.js';

let place: ContainerPlace;

beforeAll(async () => {
  place = await ContainerPlace.create();
});
afterAll(async () => {
  await place[Symbol.asyncDispose]();
});
afterFailure(() => place.clear());

describe('the monitor of a container', () => {
  it('keeps little memory for itself', async () => {
    await place.run(['run', '-d', '--name', 'small', 'box', 'sleep', '1000']);
    const maps = readFileSync(`/proc/${await monitorOf('small')}/smaps`, 'utf8');
    const [, heap] = /\[heap\]$[\s\S]*?^Private_Dirty: +(\d+) kB$/m.exec(maps) ?? [];
    expect(Number(heap)).toBeLessThan(40); // 48 as it comes
  });

  it('is at home in directories whose names are not of ASCII, in any locale', async () => {
    const [archive, env] = [
      join(place.folder, 'box.tar'),
      { BERTH_ROOT: join(place.folder, 'wörk'), LC_ALL: 'C' },
    ];
    await place.run(['save', '-o', archive, 'box']);
    await place.run(['load', '-i', archive], { env });
    expect(await place.run(['run', '--rm', 'box', 'echo', 'made'], { env })).toBe('made\n');
  });

  it('does not end with the session or the job that has started it', async () => {
    using job = Job.make();
    await job.run(['run', '-d', '--name', 'outlives', 'box', 'sleep', '1000']);
    await job.end();
    await sleep(500); // the end of a monitor would be noticed at once
    expect(await place.run(['inspect', '-f', '{{.State.Status}}', 'outlives'])).toBe('running\n');
    await place.run(['stop', '-t', '0', 'outlives']);
    expect(await place.run(['inspect', '-f', '{{.State.ExitCode}}', 'outlives'])).toBe('137\n');
  });
});

describe('what is started again by whoever looks next when it was killed', () => {
  it('takes a published port of IPv6 to its container, as long as that runs', async () => {
    const serve = 'mkdir /w; echo hi > /w/index.html; exec httpd -f -p 80 -h /w';
    await place.run(['run', '-d', '--name', 'web', '-p', '8080:80', 'box', 'sh', '-c', serve]);
    const fetched = () => place.inside(['curl', '-sS', '-m', '5', 'http://[::1]:8080/']);
    await expect.poll(() => fetched()).toBe('hi\n');
    const before = await place.run(['inspect', '-f', '{{.State.Pid}}', 'web']);
    for (let i = 0; i < 2; i += 1) {
      await killAtOnce(...pidsOf('berth-port-relay', place.root));
      await expect(fetched()).rejects.toThrow(/refused|connect/i);
      await place.run(['ps']);
      await expect.poll(() => fetched()).toBe('hi\n');
    }
    expect(await place.run(['inspect', '-f', '{{.State.Pid}}', 'web'])).toBe(before);
    await place.run(['rm', '-f', 'web']);
    await expect.poll(() => pidsOf('berth-port-relay', place.root)).toEqual([]);
  });

  it('leaves a port of IPv6 to who has taken it meanwhile', async () => {
    await place.run(['run', '-d', '--name', 'late', '-p', '8081:80', 'box', 'sleep', '1000']);
    await expect.poll(() => pidsOf('berth-port-relay', place.root)).toHaveLength(1);
    await killAtOnce(...pidsOf('berth-port-relay', place.root));
    const listen = "require('node:net').createServer().listen({ port: 8081, host: '::', ipv6Only: true })";
    const [program = '', ...args] = [...place.prefix, process.execPath, '-e', listen];
    const other = spawn(program, args, { stdio: 'ignore' });
    await expect.poll(() => place.inside(['ss', '-6Hlnt'])).toContain(':8081');
    expect(await place.run(['ps', '--format', '{{.Names}}'])).toContain('late\n');
    expect(pidsOf('berth-port-relay', place.root)).toEqual([]);
    other.kill();
    await once(other, 'close');
    await place.run(['ps']);
    await expect.poll(() => pidsOf('berth-port-relay', place.root)).toHaveLength(1);
    await place.run(['rm', '-f', 'late']);
  });

  it('takes what a container prints to a syslog', async () => {
    const lines: string[] = [];
    const server = createServer((socket) => socket.on('data', (bytes) => lines.push(String(bytes))));
    const path = join(place.folder, 'syslog.sock');
    await new Promise<void>((resolve) => server.listen(path, resolve));
    onTestFinished(() => void server.close());
    const log = ['--log-driver', 'syslog', '--log-opt', `syslog-address=unix://${path}`];
    const script = 'while read word; do echo $word; done < /tmp/in';
    const made = ['box', 'sh', '-c', `mkfifo /tmp/in; sleep 1000 > /tmp/in & ${script}`];
    await place.run(['run', '-d', '--name', 'told', ...log, ...made]);
    const say = (word: string) =>
      place.run([
        'exec',
        'told',
        'sh',
        '-c',
        `until [ -p /tmp/in ]; do sleep 0.1; done; echo ${word} > /tmp/in`,
      ]);
    await say('first');
    await expect.poll(() => lines.join('')).toContain('first');
    await killAtOnce(...pidsOf('berth-syslog', place.root));
    await place.run(['ps']);
    expect(pidsOf('berth-syslog', place.root)).toHaveLength(1);
    await place.run(['ps']); // once is enough
    expect(pidsOf('berth-syslog', place.root)).toHaveLength(1);
    await say('second');
    await expect.poll(() => lines.join('')).toContain('second');
    server.close();
    await killAtOnce(...pidsOf('berth-syslog', place.root));
    await rm(path, { force: true });
    const { code } = await place.tryRun(['ps']);
    expect(code).toBe(0);
    await place.run(['rm', '-f', 'told']); // it does not stand in the way
  });
});

/** Those that call themselves so, for containers of the place. */
function pidsOf(name: string, root: string): number[] {
  const marks = [join(root, 'containers'), networksPlace(root, '/run').directory];
  return readdirSync('/proc')
    .map(Number)
    .filter(Number.isInteger)
    .filter((pid) => {
      const text = commandOf(pid);
      return text.startsWith(name) && marks.some((mark) => text.includes(mark));
    });
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return ''; // it has just ended
  }
}

async function monitorOf(name: string): Promise<number> {
  const id = (await place.run(['inspect', '-f', '{{.Id}}', name])).trim();
  return Number(readFileSync(join(place.root, 'containers', id, 'conmon.pid'), 'utf8'));
}

/** Cgroups of its own in every hierarchy, as a job of CI or a session of systemd has them. */
class Job implements Disposable {
  readonly #directories: readonly string[];

  static make(): Job {
    const mounts = cgroupsOf('self').flatMap(
      ({ controllers, mount }) => (controllers.includes('cpuset') ? [] : [mount]), // of v1: a new one takes nobody
    );
    const directories = mounts.map((mount) => join(mount, `berth-test-job-${randomUUID()}`));
    for (const directory of directories) mkdirSync(directory);
    return new Job(directories);
  }

  private constructor(directories: readonly string[]) {
    this.#directories = directories;
  }

  run(args: readonly string[]): Promise<string> {
    const enter = 'for each in $0; do echo $$ > $each/cgroup.procs; done; exec "$@"';
    const command = [...place.prefix, BERTH, ...args];
    return run(['sh', '-c', enter, this.#directories.join(' '), ...command], { env: place.env });
  }

  /** With all that is in it. */
  async end(): Promise<void> {
    while (this.#pids().length > 0) {
      await killAtOnce(...this.#pids());
    }
  }

  #pids(): number[] {
    const lists = this.#directories.map((directory) => readFileSync(`${directory}/cgroup.procs`, 'utf8'));
    return [...new Set(lists.flatMap((list) => list.split('\n')))].filter(Boolean).map(Number);
  }

  [Symbol.dispose](): void {
    for (const directory of this.#directories) rmdirSync(directory);
  }
}
