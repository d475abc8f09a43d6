import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ContainerPlace } from './container-place.js';

let place: ContainerPlace;

beforeAll(async () => {
  place = await ContainerPlace.create();
});
afterAll(async () => {
  await place?.[Symbol.asyncDispose]();
});

describe('a container that could never run', () => {
  it.each([
    { flags: ['--mount', 'type=bind,src=/nosuch,dst=/x'], why: 'bind source path does not exist: /nosuch' },
    { flags: ['-w', 'rel'], why: "the working directory 'rel' is invalid" },
    { flags: ['--pid', 'container:nosuch'], why: 'No such container: nosuch' },
    { flags: ['--runtime', 'runsc'], why: 'Unknown runtime specified runsc' },
    { flags: ['--storage-opt', 'size=1G'], why: '--storage-opt is not possible here' },
    { flags: ['--gpus', 'all'], why: 'could not select device driver "" with capabilities: [[gpu]]' },
    { flags: ['--no-healthcheck', '--health-cmd', 'true'], why: '--no-healthcheck conflicts' },
    { flags: ['--blkio-weight-device', '/dev/null'], why: 'write DEVICE:RATE' },
    { flags: ['--cidfile', '/dev/null'], why: 'there is such a file' },
    { flags: ['--cidfile', '/nosuch/cid'], why: 'there is no such file' },
    { flags: ['--pull', 'never', '--platform', 'linux/s390x'], why: 'the one on this machine is for linux/' },
    { flags: ['--platform', 'linux/s390x/'], why: 'not a platform' },
  ])('leaves its name free: $why', async ({ flags, why }) => {
    const { code, stderr } = await place.tryRun(['run', '--name', 'typo', ...flags, 'box', 'true']);
    expect([code, stderr]).toEqual([125, expect.stringContaining(why)]);
    expect(await place.run(['ps', '-aq'])).toBe('');
  });
});

describe('commands about containers', () => {
  it('fail where docker does, after they did what can be done', async () => {
    await place.run(['run', '-d', '--name', 'one', 'box', 'sleep', '100']);
    await place.tryRun(['run', '--name', 'two', 'box', 'sh', '-c', 'exit 4']);
    await place.run(['pause', 'one']);
    expect(await place.run(['stop', '-t', '1', 'one'])).toBe('one\n');
    const state = ['inspect', '-f', '{{.State.Status}} {{.State.ExitCode}} {{.State.Paused}}', 'one'];
    expect(await place.run(state)).toBe('exited 137 false\n');
    const waited = await place.tryRun(['wait', 'one', 'nosuch', 'two']);
    expect(waited).toMatchObject({ code: 1, stdout: '137\n4\n', stderr: expect.stringContaining('nosuch') });
    const renamed = await place.tryRun(['rename', 'one', 'one']);
    expect(renamed.stderr).toContain('same name as its current name');
    const updated = await place.tryRun(['update', 'one']);
    expect(updated).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining('one or more flags'),
    });
    await place.run(['start', 'one']);
    const exec = await place.tryRun(['exec', '-u', 'nosuch', 'one', 'id']);
    expect(exec).toMatchObject({ code: 126, stderr: expect.stringContaining('cannot run as user "nosuch"') });
    await place.run(['rm', '-f', 'one', 'two']);
  });
});

describe("docker's flags", () => {
  it('choose what a container sees of cgroups, and annotate it', async () => {
    const flags = ['--cgroupns', 'private', '--annotation', 'org.example.tier=db', '--name', 'noted'];
    const command = 'cut -d: -f3 /proc/self/cgroup | sort -u';
    expect(await place.run(['run', ...flags, 'box', 'sh', '-c', command])).toBe('/\n');
    const format = '{{.HostConfig.CgroupnsMode}} {{.HostConfig.Annotations}}';
    expect(await place.run(['inspect', '-f', format, 'noted'])).toBe('private map[org.example.tier:db]\n');
    const linked = await place.tryRun(['rm', '--link', 'noted']);
    expect(linked).toMatchObject({ code: 1, stderr: expect.stringContaining('--link is not possible: ') });
    await place.run(['rm', 'noted']);
  });
  it('refuse networks without IPv4', async () => {
    const made = await place.tryRun(['network', 'create', '--ipv4=false', 'six']);
    expect(made).toMatchObject({ code: 1, stderr: expect.stringContaining('leave out --ipv4=false') });
  });
});

describe('berth inspect', () => {
  it('shows networks and volumes too, and what a container has written', async () => {
    await place.run(['network', 'create', 'wire']);
    await place.run(['volume', 'create', 'store']);
    await place.run(['run', '--name', 'wrote', 'box', 'sh', '-c', 'echo 12345 > /file']);
    const shown = await place.tryRun(['inspect', '-f', '{{.Name}}', 'wire', 'store', 'wrote', 'nosuch']);
    expect(shown).toMatchObject({ code: 1, stdout: 'wire\nstore\n/wrote\n' });
    expect(shown.stderr).toContain('No such object: nosuch');
    const other = await place.tryRun(['inspect', '--type', 'volume', 'wire']);
    expect(other.stderr).toContain('No such volume: wire');
    expect(await place.run(['inspect', '-s', '-f', '{{.SizeRw}}', 'wrote'])).toBe('6\n');
  });
});

describe('a question', () => {
  it('is answered by the first line of what is given', async () => {
    await place.run(['container', 'prune'], { input: 'n\n' });
    expect(await place.run(['ps', '-aq'])).not.toBe('');
    expect(await place.run(['container', 'prune'], { input: 'y\ny\n' })).toContain('Total reclaimed space');
    expect(await place.run(['ps', '-aq'])).toBe('');
    expect((await place.tryRun(['container', 'prune'])).stderr).toContain('use --force');
  });
});

describe('older names of docker’s flags', () => {
  it('are followed', async () => {
    const shown = await place.run([
      'run',
      '--rm',
      '-q',
      '--net',
      'none',
      '--runtime',
      'runc',
      'box',
      'ip',
      '-o',
      'link',
    ]);
    expect(shown.trim().split('\n')).toHaveLength(1);
    await place.run(['network', 'create', 'old']);
    const named = ['run', '--rm', '--net', 'old', '--net-alias', 'other', 'box', 'nslookup', 'other'];
    expect((await place.tryRun(named)).stdout).toMatch(/Name:\s+other/);
  });
});

describe('--env-file', () => {
  it.each([
    { line: 'A B=1', why: "variable 'A B' contains whitespaces" },
    { line: '=1', why: "no variable name on line '=1'" },
  ])('says what is wrong in it: $line', async ({ line, why }) => {
    const file = join(place.folder, 'variables');
    await writeFile(file, `GOOD= a b\n# comment\n${line}\n`);
    const { code, stderr } = await place.tryRun(['run', '--rm', '--env-file', file, 'box', 'env']);
    expect([code, stderr]).toEqual([125, expect.stringContaining(why)]);
  });
});
