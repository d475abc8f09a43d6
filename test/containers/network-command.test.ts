import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { networksPlace } from '../../src/runtime/networks/networks.js';
import { afterFailure } from '../support/after-failure.js';
import { BERTH } from '../support/berth-process.js';
import { killAtOnce } from '../support/kill-at-once.js';
import { run } from '../support/run.js';
import { ContainerPlace } from './container-place.js';

const SERVE = 'mkdir /w; echo hi > /w/index.html; exec httpd -f -p 80 -h /w';

let place: ContainerPlace;

beforeAll(async () => {
  place = await ContainerPlace.create();
});
afterAll(() => place[Symbol.asyncDispose]());
afterFailure(() => place.clear());

const fetched = (...args: readonly string[]) =>
  run([...place.prefix, 'curl', '-sS', '--retry', '20', '--retry-all-errors', '--retry-delay', '0', ...args]);
/** What containers have left in the network of the test. */
async function traces(): Promise<string[]> {
  const rules = await run([...place.prefix, 'iptables-save']);
  const links = await run([...place.prefix, 'ip', '-br', 'link']);
  return [...rules.split('\n'), ...links.split('\n')].filter((line) =>
    /^veth|^br-|to-destination/.test(line),
  );
}

describe('berth network', () => {
  it('makes networks that are shown as docker shows them', async () => {
    const flags = ['--subnet', '10.61.0.0/16', '--ip-range', '10.61.9.0/24', '--gateway', '10.61.0.9'];
    const id = (await place.run(['network', 'create', ...flags, '--label', 'team=blue', 'lab'])).trim();
    expect(await place.run(['network', 'ls', '--format', '{{.Name}} {{.Driver}} {{.Scope}}'])).toBe(
      'bridge bridge local\nhost host local\nlab bridge local\nnone null local\n',
    );
    expect(await place.run(['network', 'ls', '-q', '-f', 'label=team=blue'])).toBe(`${id.slice(0, 12)}\n`);
    const [shown] = JSON.parse(await place.run(['network', 'inspect', id.slice(0, 5)]));
    expect(shown).toMatchObject({
      Name: 'lab',
      Id: id,
      Driver: 'bridge',
      IPAM: { Config: [{ Subnet: '10.61.0.0/16', IPRange: '10.61.9.0/24', Gateway: '10.61.0.9' }] },
      Containers: {},
      Labels: { team: 'blue' },
    });
    const ip = ['run', '--rm', '--network', 'lab', 'box', 'ip', '-4', '-o', 'addr', 'show', 'eth0'];
    expect(await place.run(ip)).toContain('inet 10.61.9.0/16');
    expect(await place.tryRun(['network', 'create', 'lab'])).toMatchObject({
      code: 1,
      stderr: 'berth: network with name lab already exists\n',
    });
    expect(await place.tryRun(['network', 'create', '--subnet', '10.61.4.0/24', 'other'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('Pool overlaps with other one on this address space'),
    });
    expect((await place.tryRun(['network', 'rm', 'bridge', 'nosuch'])).stderr).toBe(
      'berth: bridge is a pre-defined network and cannot be removed; network nosuch not found\n',
    );
    expect(await place.run(['network', 'prune', '-f', '--filter', 'label=team'])).toBe(
      'Deleted Networks:\nlab\n\n',
    );
  });
});

describe('a container in networks', () => {
  it('is found by name and alias, publishes its ports, and is connected elsewhere while it runs', async () => {
    await place.run(['network', 'create', 'app']);
    const web = ['run', '-d', '--name', 'web', '--network', 'app', '--network-alias', 'www', '-p', '8080:80'];
    await place.run([...web, 'box', 'sh', '-c', SERVE]);
    expect(await fetched('http://127.0.0.1:8080/')).toBe('hi\n');
    expect(await fetched('http://[::1]:8080/')).toBe('hi\n');
    for (const name of ['web', 'www'])
      expect(
        await place.run(['run', '--rm', '--network', 'app', 'box', 'wget', '-qO-', `http://${name}/`]),
      ).toBe('hi\n');
    expect(await place.run(['ps', '-f', 'name=web', '--format', '{{.Ports}} {{.Networks}}'])).toBe(
      '0.0.0.0:8080->80/tcp, [::]:8080->80/tcp app\n',
    );
    expect(await place.run(['port', 'web', '80'])).toBe('0.0.0.0:8080\n[::]:8080\n');
    expect(await place.tryRun(['run', '--rm', '-p', '8080:80', 'box', 'true'])).toMatchObject({
      code: 125,
      stderr: 'berth: Bind for 0.0.0.0:8080 failed: port is already allocated: container web has it\n',
    });
    await place.run(['network', 'connect', 'bridge', 'web']);
    const linked = ['run', '--rm', '--link', 'web:w', 'box', 'sh', '-c', 'wget -qO- http://w/; echo $W_PORT'];
    expect(await place.run(linked)).toMatch(/^hi\ntcp:\/\/172\.\d+\.0\.\d+:80\n$/);
    await place.run(['network', 'disconnect', 'app', 'web']);
    expect(await fetched('http://127.0.0.1:8080/', 'http://[::1]:8080/')).toBe('hi\nhi\n');
    await place.run(['network', 'rm', 'app']);
    await place.run(['stop', '-t', '0', 'web']);
    expect(await place.run(['inspect', '-f', '{{json .NetworkSettings.Ports}}', 'web'])).toBe('{}\n');
    await place.run(['start', 'web']);
    expect(await fetched('http://127.0.0.1:8080/')).toBe('hi\n');
    await place.run(['rm', '-f', 'web']);
    expect(await traces()).toEqual([]);
  });

  it('is connected and published also when its restart policy has started it again', async () => {
    await place.run(['network', 'create', 'late']);
    await place.run([
      'run',
      '-d',
      '--name',
      'again',
      '--restart',
      'always',
      '-p',
      '[::1]:8082:80',
      'box',
      'sh',
      '-c',
      SERVE,
    ]);
    process.kill(Number(await place.run(['inspect', '-f', '{{.State.Pid}}', 'again'])), 'SIGKILL');
    const state = ['inspect', '-f', '{{.RestartCount}} {{.State.Status}}', 'again'];
    while ((await place.run(state)) !== '1 running\n');
    expect(await fetched('http://[::1]:8082/')).toBe('hi\n');
    await place.run(['network', 'connect', 'late', 'again']);
    expect(await place.run(['exec', 'again', 'ip', '-o', 'link'])).toContain('eth1');
    await place.run(['network', 'disconnect', 'late', 'again']);
    await place.run(['rm', '-f', 'again']);
    await place.run(['network', 'rm', 'late']);
    expect(await traces()).toEqual([]);
  });

  it('leaves nothing when all that watches over it is killed', async () => {
    await place.run(['run', '-d', '--name', 'victim', '-p', '8081:80', 'box', 'sh', '-c', SERVE]);
    const id = (await place.run(['inspect', '-f', '{{.Id}}', 'victim'])).trim();
    const pid = await place.run(['inspect', '-f', '{{.State.Pid}}', 'victim']);
    // The monitor first: nobody is told of the end.
    await killAtOnce(Number(await readFile(`${place.root}/containers/${id}/conmon.pid`, 'utf8')));
    await killAtOnce(Number(pid));
    expect(await place.run(['ps', '-q', '-f', 'name=victim'])).toBe('');
    expect(await traces()).toEqual([]);
    expect(readdirSync('/run/netns').filter((name) => name.endsWith(id.slice(0, 32)))).toEqual([]);
    await place.run(['run', '-d', '--rm', '--name', 'next', '-p', '8081:80', 'box', 'sh', '-c', SERVE]);
    expect(await fetched('http://127.0.0.1:8081/')).toBe('hi\n');
    await place.run(['rm', '-f', 'next', 'victim']);
  });

  it('leaves nobody who asks for a name when who waits for that is killed', async () => {
    await place.run(['network', 'create', 'silent']);
    await place.run(['run', '-d', '--name', 'here', '--network', 'silent', 'box', 'sleep', '100']);
    const { directory } = networksPlace(place.root, '/run');
    const server = Number(readFileSync(join(directory, 'names/aardvark-dns/aardvark.pid'), 'utf8'));
    process.kill(server, 'SIGSTOP');
    try {
      const [program = '', ...args] = [...place.prefix, BERTH, 'run', '--name', 'unheard'];
      const command = spawn(program, [...args, '--network', 'silent', 'box', 'true'], { env: place.env });
      const asking = () => processesWith('perl', 'unheard').length;
      await expect.poll(asking, { timeout: 30_000 }).toBe(1);
      await killAtOnce(command.pid ?? 0);
      await expect.poll(asking, { timeout: 30_000 }).toBe(0);
    } finally {
      process.kill(server, 'SIGCONT');
    }
    await place.run(['rm', '-f', 'here', 'unheard']);
  });
});

function processesWith(program: string, argument: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      return args[0]?.endsWith(program) && args.includes(argument);
    } catch {
      return false; // no process, or not any more
    }
  });
}
