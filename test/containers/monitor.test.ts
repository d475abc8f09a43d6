import { mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cgroupsOf } from '../../src/runtime/limits/index.js';
import { BERTH } from '../support/berth-process.js';
import { run } from '../support/run.js';
import { ContainerPlace } from './container-place.js';

let place: ContainerPlace;

beforeAll(async () => {
  place = await ContainerPlace.create();
});
afterAll(async () => {
  await place[Symbol.asyncDispose]();
});

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
    const directories = mounts.map((mount) => join(mount, `berth-test-job-${process.pid}`));
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
      for (const pid of this.#pids()) process.kill(pid, 'SIGKILL');
      await sleep(50);
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
