import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { afterFailure } from '../support/after-failure.js';
import { ContainerPlace } from './container-place.js';

let place: ContainerPlace;

beforeAll(async () => {
  place = await ContainerPlace.create();
});
afterAll(() => place[Symbol.asyncDispose]());
afterFailure(() => place.clear());

describe('berth volume', () => {
  it('makes volumes that are shown as docker shows them, and outlive containers', async () => {
    expect(await place.run(['volume', 'create', '--label', 'team=blue', 'data'])).toBe('data\n');
    await place.run([
      'run',
      '--rm',
      '-v',
      'data:/d',
      'box',
      'sh',
      '-c',
      'mkdir /d/sub; echo kept > /d/sub/f',
    ]);
    const mount = 'type=volume,source=data,target=/d,volume-subpath=sub';
    expect(await place.run(['run', '--rm', '--mount', mount, 'box', 'cat', '/d/f'])).toBe('kept\n');
    expect(await place.run(['volume', 'ls', '-f', 'label=team=blue'])).toBe(
      'DRIVER    VOLUME NAME\nlocal     data\n',
    );
    const format = '{{.Name}} {{.Driver}} {{.Scope}} {{.Labels.team}} {{.Mountpoint}}';
    expect(await place.run(['volume', 'inspect', '-f', format, 'data'])).toBe(
      `data local local blue ${place.root}/volumes/data/_data\n`,
    );
    expect(await place.run(['volume', 'ls', '--format', '{{.Name}}: {{.Labels}}'])).toBe('data: team=blue\n');
  });

  it('mounts volumes that have options, for all containers that run', async () => {
    const options = ['-o', 'type=tmpfs', '-o', 'device=tmpfs', '-o', 'o=size=1m'];
    await place.run(['volume', 'create', ...options, 'memory']);
    const first = ['sh', '-c', 'echo shared > /m/f; exec sleep 100'];
    await place.run(['run', '-d', '--name', 'first', '-v', 'memory:/m', 'box', ...first]);
    const script = 'until cat /m/f; do sleep 0.1; done 2>/dev/null; df -k /m | tail -1';
    const printed = await place.run(['run', '--rm', '-v', 'memory:/m', 'box', 'sh', '-c', script]);
    expect(printed).toMatch(/^shared\ntmpfs +1024 /);
    await place.run(['rm', '-f', 'first']);
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(place.root);
    await place.run(['volume', 'rm', 'memory']);
  });

  it('refuses what a container has, and tells of what there is not', async () => {
    await place.run(['volume', 'create', 'held']);
    const id = (await place.run(['create', '-v', 'held:/d', 'box', 'true'])).trim();
    expect(await place.tryRun(['volume', 'rm', 'held', 'nosuch'])).toMatchObject({
      code: 1,
      stderr: `berth: remove held: volume is in use - [${id}]; get nosuch: no such volume\n`,
    });
    expect(await place.tryRun(['volume', 'inspect', 'held', 'nosuch'])).toMatchObject({ code: 1 });
    expect(await place.run(['volume', 'rm', '-f', 'nosuch'])).toBe('nosuch\n');
    await place.run(['rm', id]);
    expect(await place.run(['volume', 'rm', 'held'])).toBe('held\n');
  });

  it('prunes what nobody has named, or everything', async () => {
    await place.run(['volume', 'create', 'named']);
    const anonymous = (await place.run(['volume', 'create'])).trim();
    expect(await place.run(['volume', 'prune', '-f'])).toBe(
      `Deleted Volumes:\n${anonymous}\n\nTotal reclaimed space: 0B\n`,
    );
    expect(await place.tryRun(['volume', 'prune'])).toMatchObject({ code: 1 });
    await place.run(['volume', 'prune', '-a', '-f', '--filter', 'label!=team']);
    expect(await place.run(['volume', 'ls', '-q', '-f', 'name=named'])).toBe('');
  });
});
