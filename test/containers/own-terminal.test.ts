import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BERTH } from '../support/berth-process.js';
import { run } from '../support/run.js';
import { Terminal } from '../support/terminal.js';
import { ContainerPlace } from './container-place.js';

let place: ContainerPlace;

beforeAll(async () => {
  place = await ContainerPlace.create();
});
afterAll(async () => {
  await place?.[Symbol.asyncDispose]();
});

const command = (...args: readonly string[]) => [...place.prefix, BERTH, ...args].join(' ');
const size = { columns: 90, rows: 25 };

describe('the terminal of who runs a container', () => {
  it('shows what a program draws as it is, and is as before at the end', async () => {
    const line = `${command('run', '--rm', '-it', 'box')} sh -c 'stty raw -echo; printf "a\\nb\\n"; sleep 0.2'; stty -a`;
    const shown = await run(['script', '-qec', line, '/dev/null'], { env: place.env });
    expect(shown).toMatch(/^a\nb\n/);
    expect(shown).toMatch(/^opost .* onlcr /m);
  });
  it('lends its size where nothing is typed too', async () => {
    const script = `"until stty size | grep '25 90'; do sleep 0.1; done"`;
    const line = command('run', '--rm', '-t', 'box', 'sh', '-c', script);
    await using terminal = await Terminal.start(line, { ...size, env: place.env });
    await terminal.until(/^ended with 0$/);
    expect(await terminal.everything()).toContain('25 90');
  });
  it('comes by start -ai to one that runs already', async () => {
    await place.run(['run', '-dit', '--name', 'shell', 'box', 'sh']);
    await using terminal = await Terminal.start(command('start', '-ai', 'shell'), {
      ...size,
      env: place.env,
    });
    await terminal.until(/#/);
    await terminal.type('exit 5');
    await terminal.until(/^ended with 5$/);
    await place.run(['rm', 'shell']);
  });
  it('lends its size of last, when the monitor of the container has no time for one after the other', async () => {
    const id = (await place.run(['run', '-dit', '--name', 'busy', 'box', 'sh'])).trim();
    const monitor = Number(readFileSync(join(place.root, 'containers', id, 'conmon.pid'), 'utf8'));
    process.kill(monitor, 'SIGSTOP');
    await using terminal = await Terminal.start(command('start', '-ai', 'busy'), { ...size, env: place.env });
    await sleep(1500); // it is told of another size, and then of its own
    process.kill(monitor, 'SIGCONT');
    await terminal.until(/#/);
    await terminal.type('until stty size | grep "25 90"; do sleep 0.1; done; exit 5');
    await terminal.until(/^ended with 5$/);
    await place.run(['rm', 'busy']);
  });
  it('hands on interrupts where the container has a terminal and nothing is typed', async () => {
    const script = '"trap \'exit 9\' INT; echo up; while :; do sleep 0.1; done"';
    const line = command('run', '--rm', '-t', 'box', 'sh', '-c', script);
    await using terminal = await Terminal.start(line, { ...size, env: place.env });
    await terminal.until(/^up$/);
    await terminal.interrupt();
    await terminal.until(/ended with 9$/);
  });
});

it('does not give up a container that is being started when it is interrupted', async () => {
  const cidfile = join(place.folder, 'cid');
  const [program = '', ...args] = [...place.prefix, BERTH, 'run', '--rm', '--cidfile', cidfile];
  const child = spawn(program, [...args, 'box', 'sleep', '1'], { env: place.env });
  const ended = once(child, 'exit');
  while (!existsSync(cidfile)) await sleep(5);
  child.kill('SIGINT');
  expect(await ended).toEqual([0, null]); // the first process of a container takes no notice
});
