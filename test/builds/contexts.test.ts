import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BERTH, BerthProcess } from '../support/berth-process.js';
import {
  type FileServer,
  gitOverHttp,
  makeRepository,
  startGitDaemon,
  startWebServer,
} from '../support/git-server.js';
import { createAuthority } from '../support/private-authority.js';
import { RunError, run } from '../support/run.js';
import { BuildPlace } from './build-place.js';

const DOCKERFILE = 'FROM scratch\nCOPY . /\n';
const MODIFIED = 'Thu, 01 Jan 2015 00:00:00 GMT';

const resources = new AsyncDisposableStack();
let place: BuildPlace;
let daemon: FileServer;
/** Plain files by path, and git below `/git/`. */
let web: FileServer;
/** The same for those who have authenticated, with a certificate of a private authority. */
let secure: FileServer;
let caFile: string;
let commits: Record<string, string>;
const files = new Map<string, Buffer>();
const seen: string[] = [];

beforeAll(async () => {
  place = resources.use(await BuildPlace.create('contexts'));
  const folder = place.path('git');
  commits = await makeRepository(folder, 'app', {
    v1: { Dockerfile: DOCKERFILE, said: 'first', 'sub/Dockerfile': DOCKERFILE, 'sub/said': 'below' },
    v2: { said: 'second', 'sub/run': '#!/bin/sh\n' },
  });
  daemon = resources.use(await startGitDaemon(folder));
  const git = gitOverHttp(folder);
  const listener: Parameters<typeof startWebServer>[0]['listener'] = (request, response) => {
    const file = files.get(request.url ?? '');
    if (file !== undefined) return response.writeHead(200, { 'last-modified': MODIFIED }).end(file);
    if (!request.url?.startsWith('/app.git')) return response.writeHead(404).end();
    return git(request, response);
  };
  web = resources.use(await startWebServer({ listener }));
  const authority = await createAuthority(place.path('ca'), ['127.0.0.1']);
  caFile = authority.caFile;
  const tls = {
    cert: await readFile(authority.tls.certificate, 'utf8'),
    key: await readFile(authority.tls.key, 'utf8'),
  };
  secure = resources.use(
    await startWebServer({
      tls,
      listener: (request, response) => {
        const { authorization = '' } = request.headers;
        seen.push(authorization);
        if (authorization === '') return response.writeHead(401, { 'www-authenticate': 'Basic' }).end();
        return listener(request, response);
      },
    }),
  );
  const context = await place.context({ Dockerfile: DOCKERFILE, said: 'from a tar' });
  await run(['tar', '-C', context, '-czf', place.path('context.tgz'), '.']);
  files.set('/context.tar.gz', await readFile(place.path('context.tgz')));
  files.set('/Dockerfile', Buffer.from('FROM scratch\nCOPY <<E /said\nalone\nE\n'));
  files.set('/file', Buffer.from('content'));
  files.set('/signed?token=hush', Buffer.from('signed'));
});
afterAll(() => resources.disposeAsync());

/** The files that a build leaves, by path. */
async function built(...args: readonly string[]): Promise<Record<string, string>> {
  return filesIn(await outputOf(args));
}

async function outputOf(args: readonly string[], input?: Buffer): Promise<string> {
  const out = place.path(`out-${Math.random().toString(36).slice(2)}`);
  await run([BERTH, 'build', '-q', '-o', out, ...args], {
    env: place.environment(),
    ...(input && { input }),
  });
  return out;
}

async function filesIn(folder: string): Promise<Record<string, string>> {
  const listed = await run(['find', folder, '-type', 'f', '-printf', '%P\\n']);
  const paths = listed.split('\n').filter((path) => path !== '' && !path.startsWith('.git/'));
  const entries = paths.map(async (path) => [path, await readFile(join(folder, path), 'utf8')] as const);
  return Object.fromEntries(await Promise.all(entries));
}

async function failure(...args: readonly string[]): Promise<string> {
  const error = await outputOf(args).catch((reason: unknown) => reason);
  if (error instanceof RunError) return error.stderr;
  throw new Error(`${args.join(' ')} was expected to fail`);
}

describe('a context', () => {
  it.each([
    { ref: '', said: 'second' },
    { ref: '#v1', said: 'first' },
    { ref: '#main', said: 'second' },
    { ref: '#v1:sub', said: 'below' },
    { ref: '?tag=v1&subdir=sub', said: 'below' },
  ])('is fetched by the git protocol: $ref', async ({ ref, said }) => {
    expect(await built(`${daemon.url}/app.git${ref}`)).toMatchObject({ said });
  });

  it('is fetched by git over http, as a commit too', async () => {
    expect(await built(`${web.url}/app.git#${commits.v1}`)).toMatchObject({ said: 'first' });
    expect(await failure(`${web.url}/app.git#nowhere`)).toContain('nowhere');
    expect(await failure(`${web.url}/app.git?checksum=${commits.v2}#v1`)).toContain('is at commit');
  });

  it('keeps its history when asked to', async () => {
    const keep = ['--build-arg', 'BUILDKIT_CONTEXT_KEEP_GIT_DIR=1'];
    const out = await outputOf([...keep, `${daemon.url}/app.git#v1`]);
    expect((await run(['git', '-C', out, 'rev-parse', 'HEAD'])).trim()).toBe(commits.v1);
  });

  it('is a tar or a Dockerfile behind an address', async () => {
    expect(await built(`${web.url}/context.tar.gz`)).toEqual({
      Dockerfile: DOCKERFILE,
      said: 'from a tar',
    });
    expect(await built(`${web.url}/Dockerfile`)).toEqual({ said: 'alone\n' });
    expect(await failure(`${web.url}/none.tar`)).toContain('the server answers 404');
  });

  it('is a tar or a Dockerfile on standard input', async () => {
    const tar = files.get('/context.tar.gz');
    expect(await filesIn(await outputOf(['-'], tar))).toMatchObject({ said: 'from a tar' });
    const text = files.get('/Dockerfile');
    expect(await filesIn(await outputOf(['-'], text))).toEqual({ said: 'alone\n' });
  });

  it('is fetched with credentials, and trust in a private authority', async () => {
    const token = place.path('token');
    await writeFile(token, 'letmein\n');
    const secret = ['--secret', `id=GIT_AUTH_TOKEN,src=${token}`];
    expect(await failure(...secret, `${secure.url}/app.git`)).toMatch(/certificate/i);
    seen.length = 0;
    expect(await built('--ca', caFile, ...secret, `${secure.url}/app.git#v1`)).toMatchObject({
      said: 'first',
    });
    expect(seen[0]).toBe(`basic ${Buffer.from('x-access-token:letmein').toString('base64')}`);
    const { host } = new URL(secure.url);
    const header = ['--secret', `id=HTTP_AUTH_TOKEN_${host},src=${token}`];
    expect(await built('--ca', caFile, ...header, `${secure.url}/context.tar.gz`)).toMatchObject({
      said: 'from a tar',
    });
    expect(seen.at(-1)).toBe('Bearer letmein');
    expect(await failure(...header, `${secure.url}/context.tar.gz`)).toMatch(/certificate/i);
  });
});

describe('ADD', () => {
  async function added(...lines: readonly string[]): Promise<string> {
    return place.context({ Dockerfile: ['FROM scratch', ...lines].join('\n') });
  }

  it('takes a file from an address, of the time that the server says', async () => {
    const out = await outputOf([await added(`ADD ${web.url}/file /to/`)]);
    expect(await filesIn(out)).toEqual({ 'to/file': 'content' });
    expect((await run(['stat', '-c', '%a %Y', join(out, 'to/file')])).trim()).toBe('600 1420070400');
  });

  it('compares checksums', async () => {
    const digest = createHash('sha256').update('content').digest('hex');
    expect(await built(await added(`ADD --checksum=sha256:${digest} ${web.url}/file /`))).toEqual({
      file: 'content',
    });
    const wrong = digest.replace(/^./, (first) => (first === '0' ? '1' : '0'));
    const message = await failure(await added(`ADD --checksum=sha256:${wrong} ${web.url}/file /`));
    expect(message).toContain(`is sha256:${digest}, and not sha256:${wrong}`);
    expect(message).toMatch(/Dockerfile:2/);
  });

  it('unpacks an address only when told to', async () => {
    expect(Object.keys(await built(await added(`ADD ${web.url}/context.tar.gz /`)))).toEqual([
      'context.tar.gz',
    ]);
    expect(await built(await added(`ADD --unpack=true ${web.url}/context.tar.gz /x/`))).toMatchObject({
      'x/said': 'from a tar',
    });
  });

  it('says that what is in an archive is larger than the disk, before it fills that', async () => {
    const context = await added('ADD holes.tar /');
    await run(['truncate', '--size=7T', join(context, 'holes')]);
    await run(['tar', '--sparse', '-C', context, '-cf', join(context, 'holes.tar'), 'holes']);
    await run(['rm', join(context, 'holes')]);
    expect(await failure(context)).toMatch(/"holes" takes 7340032 MiB, and the disk has \d+ MiB free/);
  });

  it('takes a repository, with or without its history', async () => {
    const found = await built(await added(`ADD ${daemon.url}/app.git#v1:sub /src`));
    expect(found).toEqual({ 'src/Dockerfile': DOCKERFILE, 'src/said': 'below' });
    const kept = await outputOf([await added(`ADD --keep-git-dir=true ${web.url}/app.git#v1 /src`)]);
    expect((await run(['git', '-C', join(kept, 'src'), 'rev-parse', 'HEAD'])).trim()).toBe(commits.v1);
    const bare = await outputOf([await added(`ADD ${web.url}/app.git#v1 /src`)]);
    expect(await run(['ls', '-A', join(bare, 'src')])).not.toContain('.git');
  });

  it('compares the commit of a repository', async () => {
    const { v1 = '', v2 = '' } = commits;
    const right = `ADD --checksum=${v1.slice(0, 12)} ${daemon.url}/app.git#v1 /src`;
    expect(await built(await added(right))).toMatchObject({ 'src/said': 'first' });
    const wrong = await failure(await added(`ADD --checksum=${v2} ${daemon.url}/app.git#v1 /src`));
    expect(wrong).toContain(`is at commit ${v1}`);
  });

  it('is done again when the address has another content, and only then', async () => {
    const context = await added(`ADD ${web.url}/changing /x`);
    const ids: string[] = [];
    for (const content of ['one', 'one', 'two']) {
      files.set('/changing', Buffer.from(content));
      ids.push(await place.berth('build', '-q', context));
    }
    expect(ids[1]).toBe(ids[0]);
    expect(ids[2]).not.toBe(ids[0]);
  });

  it('leaves no credentials in provenance', async () => {
    const context = await added(`ADD ${web.url}/signed?token=hush /x`, `ADD ${daemon.url}/app.git#v2 /y`);
    const metadata = place.path('metadata.json');
    await place.berth('build', '-q', '--provenance', '--metadata-file', metadata, context);
    const text = await readFile(metadata, 'utf8');
    expect(text).not.toContain('hush');
    const { resolvedDependencies } = JSON.parse(text)['buildx.build.provenance'].buildDefinition;
    expect(resolvedDependencies).toEqual([
      { uri: `${daemon.url}/app.git#v2`, digest: { sha1: commits.v2 } },
      {
        uri: `${web.url}/signed?token=****`,
        digest: { sha256: createHash('sha256').update('signed').digest('hex') },
      },
    ]);
  });
});

describe('a named context', () => {
  const USES = 'FROM scratch\nCOPY --from=other /said /said\n';
  let context: string;
  beforeAll(async () => {
    context = await place.context({ Dockerfile: USES });
  });

  it('is a directory, with its own ignore file', async () => {
    const other = await place.context({ said: 'here', hidden: '', '.dockerignore': 'hidden\n' });
    expect(await built('--build-context', `other=${other}`, context)).toEqual({ said: 'here' });
    const all = await place.context({ Dockerfile: 'FROM scratch\nCOPY --from=other . /\n' });
    expect(Object.keys(await built('--build-context', `other=${other}`, all))).not.toContain('hidden');
    expect(await failure('--build-context', 'other=/nowhere/at/all', context)).toContain('no such directory');
  });

  it('is a git repository or an address', async () => {
    expect(await built('--build-context', `other=${daemon.url}/app.git#v1`, context)).toEqual({
      said: 'first',
    });
    expect(await built('--build-context', `other=${web.url}/context.tar.gz`, context)).toEqual({
      said: 'from a tar',
    });
  });

  it('is an image of this machine or of a registry', async () => {
    await using registry = await BerthProcess.start();
    const name = `${registry.address}/other:1`;
    const image = await place.context({ Dockerfile: 'FROM scratch\nCOPY said /said\n', said: 'image' });
    await place.berth('build', '-q', '--push', '-t', name, image);
    expect(await built('--build-context', `other=docker-image://${name}`, context)).toEqual({
      said: 'image',
    });
    await place.berth('rmi', name);
    expect(await built('--build-context', `other=docker-image://${name}`, context)).toEqual({
      said: 'image',
    });
  });

  describe('of a layout', () => {
    let layout: string;
    let digest: string;
    beforeAll(async () => {
      const image = await place.context({
        Dockerfile: 'FROM scratch\nARG TARGETARCH\nENV MADE=in-layout\nCOPY said-$TARGETARCH /said\n',
        'said-amd64': 'amd64',
        'said-arm64': 'arm64',
      });
      layout = place.path('layout');
      const platforms = ['--platform', 'linux/amd64,linux/arm64'];
      await place.berth('build', '-q', ...platforms, '--sbom', '-t', 'lay:1', image);
      await place.berth('copy', '-q', 'lay:1', `oci:${layout}:one`);
      const { manifests } = JSON.parse(await readFile(join(layout, 'index.json'), 'utf8'));
      digest = manifests.find((entry: { annotations?: object }) => entry.annotations !== undefined).digest;
      // Nothing of it is left in the store.
      await place.berth('rmi', 'lay:1');
    });

    it.each(['', ':one', '@digest', ':one@digest'])('is found by oci-layout://path%s', async (suffix) => {
      const source = `other=oci-layout://${layout}${suffix.replace('digest', digest)}`;
      expect(await built('--platform', 'linux/arm64', '--build-context', source, context)).toEqual({
        said: 'arm64',
      });
    });

    it('may be a base, for each platform, under the name of an image', async () => {
      const above = await place.context({ Dockerfile: 'FROM alpine\nLABEL a=b\n' });
      const source = `docker.io/library/alpine=oci-layout://${layout}`;
      const platforms = ['--platform', 'linux/amd64,linux/arm64'];
      const metadata = place.path('layout.json');
      const reports = ['--provenance', '--metadata-file', metadata];
      await place.berth(
        'build',
        '-q',
        ...platforms,
        ...reports,
        '--build-context',
        source,
        '-t',
        'above:1',
        above,
      );
      const [{ Config }] = JSON.parse(await place.berth('inspect', 'above:1'));
      expect(Config.Env).toContain('MADE=in-layout');
      const provenance = JSON.parse(await readFile(metadata, 'utf8'))['buildx.build.provenance/linux/arm64'];
      expect(provenance.buildDefinition.resolvedDependencies).toEqual([
        { uri: expect.stringMatching(/^pkg:oci\/.*alpine@sha256:[0-9a-f]{64}$/), digest: expect.anything() },
      ]);
      expect(JSON.stringify(provenance)).not.toContain(place.folder);
    });

    it('fails where it has no such image', async () => {
      expect(await failure('--build-context', `other=oci-layout://${layout}:two`, context)).toContain(':two');
      const nowhere = `other=oci-layout://${place.path('nowhere')}`;
      expect(await failure('--build-context', nowhere, context)).toContain('no OCI layout');
      const source = `other=oci-layout://${layout}`;
      expect(await failure('--platform', 'linux/s390x', '--build-context', source, context)).toContain(
        'linux/amd64, linux/arm64',
      );
    });
  });

  it('takes the place of a stage, of which nothing is carried out', async () => {
    const other = await place.context({ said: 'instead' });
    const staged = await place.context({
      Dockerfile: [
        'FROM 127.0.0.1:1/nowhere AS other',
        'RUN false',
        'FROM other AS above',
        'FROM scratch',
        'COPY --from=0 /said /by-number',
        'COPY --from=OTHER /said /by-name',
        'COPY --from=above /said /from-above',
      ].join('\n'),
    });
    expect(await built('--build-context', `other=${other}`, staged)).toEqual({
      'by-number': 'instead',
      'by-name': 'instead',
      'from-above': 'instead',
    });
    expect(await built('--build-context', `other=${other}`, '--target', 'other', staged)).toEqual({
      said: 'instead',
    });
    expect(await place.berth('build', '--check', '--build-context', `other=${other}`, staged)).toContain(
      'no warnings',
    );
  });

  it.each([
    { name: 'docker.io/library/debian:bookworm', from: 'debian:bookworm' },
    { name: 'debian:bookworm', from: 'docker.io/library/debian:bookworm' },
    { name: 'alpine', from: 'docker.io/library/alpine:latest' },
    { name: 'index.docker.io/alpine:latest', from: 'alpine' },
    { name: '127.0.0.1:1/a', from: '127.0.0.1:1/a:latest' },
    { name: 'other', from: 'OTHER_BY_ARG' },
  ])('named $name takes the place of the image $from', async ({ name, from }) => {
    const base = await place.context({ said: 'instead' });
    const text = `ARG OTHER=other\nFROM ${from.replace('OTHER_BY_ARG', '$OTHER')}\n`;
    expect(
      await built('--build-context', `${name}=${base}`, await place.context({ Dockerfile: text })),
    ).toEqual({ said: 'instead' });
  });

  it('may be for one platform only', async () => {
    const [one, two] = [await place.context({ said: 'any' }), await place.context({ said: 'arm' })];
    const contexts = ['--build-context', `other=${one}`, '--build-context', `other::linux/arm64/v8=${two}`];
    const out = await outputOf(['--platform', 'linux/amd64,linux/arm64', ...contexts, context]);
    expect(await filesIn(out)).toEqual({ 'linux_amd64/said': 'any', 'linux_arm64/said': 'arm' });
  });
});

describe('what a context is compressed with', () => {
  it.each([
    { name: 'bzip2', pack: ['bzip2', '-c'] },
    { name: 'xz', pack: ['xz', '-c'] },
  ])('may be $name', async ({ pack }) => {
    const tar = place.path('plain.tar');
    await run(['tar', '-C', await place.context({ Dockerfile: DOCKERFILE, said: 'x' }), '-cf', tar, '.']);
    const packed = `${tar}.packed`;
    await run(['sh', '-c', `${pack.join(' ')} < ${tar} > ${packed}`]);
    expect(await filesIn(await outputOf(['-'], await readFile(packed)))).toMatchObject({ said: 'x' });
  });
});
