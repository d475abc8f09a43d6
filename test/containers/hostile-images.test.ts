import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Entry } from '../../src/layer/index.js';
import { directoryEntry, fileEntry, symlinkEntry, writeLayer } from '../layer/tree.js';
import { afterFailure } from '../support/after-failure.js';
import { BERTH } from '../support/berth-process.js';
import { EngineProcess } from '../support/engine-process.js';
import { NetworkNamespace } from '../support/network-namespace.js';
import { cleanEnvironment, type RunError, run } from '../support/run.js';

let engine: EngineProcess;
let namespace: NetworkNamespace;
/** Of the machine: what hostile images lead to, as V. */
let victim: string;

beforeAll(async () => {
  namespace = await NetworkNamespace.create();
  engine = await EngineProcess.start({ prefix: namespace.prefix });
  victim = engine.path('victim');
  mkdirSync(`${victim}/dir`, { recursive: true });
  writeFileSync(`${victim}/passwd`, 'stranger:x:4321:4321::/:/bin/sh\n');
  writeFileSync(`${victim}/program`, '#!/bin/sh\necho of the machine\n', { mode: 0o755 });
});

afterFailure(() => engine.clear());
afterAll(async () => {
  await engine?.[Symbol.asyncDispose]();
  await namespace?.[Symbol.asyncDispose]();
});

const BUSYBOX = readFileSync('/bin/busybox');
const PASSWD = 'root:x:0:0::/root:/bin/sh\ndaemon:x:1:1::/:/bin/false\n';
const fifo = (path: string): Entry => ({ ...fileEntry(path, 0), type: 'fifo' });
/** That of all memory, /dev/mem, which nobody here can open by mistake. */
const device = (path: string): Entry => ({
  ...fileEntry(path, 0),
  type: 'character',
  device: { major: 1, minor: 1 },
});

type Hostile = Readonly<{
  what: string;
  /** Of the image, besides a busybox. */
  entries?: readonly Entry[];
  changes?: readonly string[];
  body?: object;
  /** Exit code of its command, or of the status of the engine that refuses to start it. */
  code: number;
  says?: RegExp | string;
  /** Whether a RUN on it is refused in the same words. */
  refusesRun?: true;
}>;

const HOSTILE: readonly Hostile[] = [
  {
    what: '/etc and what is above the working directory and a volume are links, and others lead out',
    entries: ['etc', 'app', 'data'].map((path) => symlinkEntry(path, 'V/dir')),
    changes: ['WORKDIR /app/new', 'VOLUME /data/new', 'VOLUME /../../../../..V/dir', 'LABEL a="\\u001b[2J"'],
    body: { HostConfig: { Tmpfs: { '/../../V/dir/x': '' } } },
    code: 0,
  },
  {
    what: '/etc is a FIFO',
    entries: [fifo('etc')],
    code: 500,
    says: '/etc of the container is no directory',
    refusesRun: true,
  },
  {
    what: 'files of networks are links, a FIFO and a device',
    entries: [
      symlinkEntry('etc/hosts', 'V/passwd'),
      symlinkEntry('etc/resolv.conf', '../../../../V/new'),
      fifo('etc/hostname'),
    ],
    code: 0,
  },
  {
    what: 'a file of networks is a directory',
    entries: [directoryEntry('etc/hostname')],
    code: 500,
    says: '/etc/hostname of the container is a directory',
  },
  {
    what: '/etc/passwd is a link to one with another user',
    entries: [symlinkEntry('etc/passwd', 'V/passwd')],
    body: { User: 'stranger' },
    code: 500,
    says: 'no such name in /etc/passwd',
  },
  {
    what: '/etc/passwd is a FIFO',
    entries: [fifo('etc/passwd')],
    code: 500,
    says: '/etc/passwd is no file',
    refusesRun: true,
  },
  {
    what: '/etc/group has no end',
    entries: [symlinkEntry('etc/group', '/dev/zero')],
    code: 500,
    says: '/etc/group leads to /dev/zero',
    refusesRun: true,
  },
  ...['dev', 'proc', 'sys'].map((name) => ({
    what: `/${name} is a link`,
    entries: [symlinkEntry(name, 'V/dir')],
    code: 500,
    says: `/${name} of the container is no directory`,
    refusesRun: true as const,
  })),
  { what: 'a volume is on /dev', changes: ['VOLUME /dev'], code: 400, says: '/dev/null' },
  { what: 'a volume is on /proc', changes: ['VOLUME /proc'], code: 400, says: '/proc' },
  {
    what: 'a volume is on a device',
    entries: [device('data')],
    changes: ['VOLUME /data'],
    code: 400,
    says: 'file exists /data',
  },
  {
    what: 'the program is a link',
    entries: [symlinkEntry('program', 'V/program')],
    body: { Cmd: ['/program'] },
    code: 400,
    says: 'stat /program: no such file or directory',
  },
  {
    what: 'the program is a FIFO',
    entries: [fifo('program')],
    body: { Cmd: ['/program'] },
    code: 400,
    says: 'permission denied',
  },
  {
    what: 'the working directory is a FIFO',
    entries: [fifo('app')],
    changes: ['WORKDIR /app/new'],
    code: 500,
    says: '/app of the container is no directory',
    refusesRun: true,
  },
  {
    what: 'its command is no list',
    body: { Cmd: { length: 5 } },
    code: 400,
    says: 'it has a Cmd that must be text or a list of texts',
  },
  {
    what: 'a user is a path',
    changes: ['USER ../../../etc/passwd'],
    code: 500,
    says: 'no such name in /etc/passwd',
    refusesRun: true,
  },
];

/** What a Dockerfile does with the places that hostile images have prepared. */
const STEPS = [
  'RUN ["/bin/busybox", "true"]',
  'RUN --mount=type=tmpfs,target=/data/tmp --mount=type=cache,target=/app/cache ["/program"]',
  'WORKDIR /app/work\nCOPY --chown=stranger <<EOF /data/copied\nhello\nEOF',
  'COPY <<EOF /etc/passwd\nhello\nEOF\nCOPY <<EOF /dev/copied\nhello\nEOF\nUSER stranger\nRUN ["/bin/busybox", "true"]',
];

describe('a hostile image leads nowhere, and changes nothing of the machine', () => {
  it.each(HOSTILE)('$what', async ({ entries = [], changes = [], body = {}, code, says = '' }) => {
    await importImage(entries, changes);
    const before = await treeOf(victim);
    const ended = await runHostile(JSON.parse(inVictim(JSON.stringify(body))) as object);
    expect(await treeOf(victim)).toBe(before);
    expect(ended.code, ended.says).toBe(code);
    expect(ended.says).toMatch(says);
    expect(ended.says).not.toContain('internal error');
    expect(ended.output).toBe('');
  });
});

describe('a hostile image that is built on leads nowhere either', () => {
  it.each(HOSTILE.filter(({ entries, changes }) => entries ?? changes))(
    '$what',
    async ({ entries = [], changes = [], refusesRun, says = '' }) => {
      await importImage(entries, changes);
      const before = await treeOf(victim);
      const ends = await Promise.all(STEPS.map((step) => endOfBuild(`FROM hostile\n${step}\n`)));
      expect(await treeOf(victim)).toBe(before);
      expect(ends).toEqual(STEPS.map(() => expect.stringMatching(/^$|\nberth: cannot build: .+\n$/)));
      expect(ends.join('')).not.toContain('internal error');
      expect(ends[0]).toMatch(refusesRun ? says : /^$/);
    },
  );
});

describe('a container that turns its /etc/passwd into what is waited for', () => {
  it('is entered no more, and says why', async () => {
    await importImage([]);
    const script =
      '/bin/busybox rm /etc/passwd; /bin/busybox mkfifo /etc/passwd; exec /bin/busybox sleep 1000';
    const run = ['run', '-d', '--name', 'waits', '--network', 'none', 'hostile', '/bin/busybox', 'sh', '-c'];
    await engine.docker([...run, script]);
    await expect.poll(() => engine.docker(['diff', 'waits']), { timeout: 30_000 }).toContain('C /etc/passwd');
    await expect(engine.docker(['exec', 'waits', '/bin/busybox', 'true'])).rejects.toMatchObject({
      code: 126,
      stderr: expect.stringContaining('its /etc/passwd is no file'),
    });
    await engine.docker(['rm', '-f', 'waits']);
  });
});

const inVictim = (text: string) => text.replaceAll('V/', `${victim}/`);

async function importImage(hostile: readonly Entry[], changes: readonly string[] = []): Promise<void> {
  const places = new Set(hostile.map(({ path }) => path));
  const usual: readonly (readonly [Entry, string | Uint8Array])[] = [
    [fileEntry('bin/busybox', 0, { mode: 0o755 }), BUSYBOX],
    [fileEntry('etc/passwd', 0), PASSWD],
  ];
  const { path } = await writeLayer(engine.path('hostile.tar'), [
    ...usual.filter(
      ([{ path: usualPath }]) =>
        !places.has(usualPath) && !(places.has('etc') && usualPath.startsWith('etc')),
    ),
    ...hostile.map((entry) =>
      entry.linkName === undefined ? entry : { ...entry, linkName: inVictim(entry.linkName) },
    ),
  ]);
  const query = new URLSearchParams({ fromSrc: '-', repo: 'hostile' });
  for (const change of changes) query.append('changes', inVictim(change));
  const { status, text } = await engine.ask('POST', `/images/create?${query}`, readFileSync(path));
  rmSync(path);
  expect(status, text).toBe(200);
}

/** @returns what its command or the engine says of it. */
async function runHostile(body: object) {
  const created = await engine.ask(
    'POST',
    '/containers/create',
    JSON.stringify({
      Image: 'hostile',
      Cmd: ['/bin/busybox', 'true'],
      ...body,
      HostConfig: { NetworkMode: 'none', ...('HostConfig' in body ? (body.HostConfig as object) : {}) },
    }),
  );
  if (created.status !== 201) return { code: created.status, says: created.text, output: '' };
  const { Id } = JSON.parse(created.text) as { Id: string };
  try {
    const started = await engine.ask('POST', `/containers/${Id}/start`);
    if (started.status !== 204) return { code: started.status, says: started.text, output: '' };
    const { StatusCode } = JSON.parse((await engine.ask('POST', `/containers/${Id}/wait`)).text) as {
      StatusCode: number;
    };
    const { text } = await engine.ask('GET', `/containers/${Id}/logs?stdout=1&stderr=1`);
    return { code: StatusCode, says: '', output: text };
  } finally {
    expect((await engine.ask('DELETE', `/containers/${Id}?force=1&v=1`)).status).toBe(204);
  }
}

/** @returns what is said of a build, from a context of one file. */
async function endOfBuild(dockerfile: string): Promise<string> {
  const build = ['build', '--progress=plain', '--network=none', '-'];
  const env = cleanEnvironment({ BERTH_ROOT: engine.path('root'), HOME: engine.path() });
  return run([BERTH, ...build], { input: dockerfile, env }).then(
    () => '',
    ({ stderr }: RunError) => stderr,
  );
}

/** All that is below a directory: what it is, when it was changed, what it holds. */
async function treeOf(path: string): Promise<string> {
  const names = await run(['find', path, '-printf', '%P %y %m %U %s %T@ %C@\n']);
  return names + (await run(['sh', '-c', 'cat "$0"/passwd "$0"/program', path]));
}
