import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { BERTH, BerthProcess } from '../support/berth-process.js';
import { writeBusyboxRoot } from '../support/busybox-root.js';
import { asUser } from '../support/ordinary-user.js';
import { cleanEnvironment, RunError, run } from '../support/run.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';

const isRoot = process.getuid?.() === 0;
const canRun = isRoot && existsSync('/bin/busybox') && existsSync('/usr/sbin/runc');

let folder: TemporaryFolder;
let context: string;

beforeAll(async () => {
  folder = await temporaryFolder('build');
  if (canRun) await berth('import', await writeBusyboxRoot(folder.path), 'base:latest');
});
afterAll(() => folder[Symbol.asyncDispose]());
beforeEach(async () => {
  context = join(folder.path, `context-${Math.random().toString(36).slice(2)}`);
  await mkdir(context);
});

function berth(...args: string[]): Promise<string> {
  return run([BERTH, ...args], { env: environment() });
}

function environment(more: Record<string, string> = {}) {
  return cleanEnvironment({ BERTH_ROOT: join(folder.path, 'root'), ...more });
}

async function write(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(context, path, '..'), { recursive: true });
    await writeFile(join(context, path), text);
  }
}

async function failureOf(work: Promise<string>): Promise<RunError> {
  const error = await work.catch((reason: unknown) => reason);
  if (error instanceof RunError) return error;
  throw new Error('it was expected to fail');
}

describe('berth build', () => {
  it('builds from files alone, and prints the id of the image', async () => {
    await write({ Dockerfile: 'FROM scratch\nCOPY a /a\nCMD ["/a"]\n', a: 'x' });
    const id = (await berth('build', '-t', 'app:1', context)).trim();
    expect(id).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(JSON.parse(await berth('inspect', 'app:1'))).toMatchObject([{ Id: id, Config: { Cmd: ['/a'] } }]);
    expect((await berth('build', '-q', '-t', 'app:1', context)).trim()).toBe(id);
  });

  it('reads a Dockerfile or a tar from standard input', async () => {
    const text = 'FROM scratch\nCOPY <<E /x\nhi\nE\n';
    const alone = await run([BERTH, 'build', '-q', '-o', '-', '-'], { input: text, env: environment() });
    expect(alone).toContain('hi\n');
    await write({
      Dockerfile: 'FROM scratch\nCOPY a /y\n',
      a: 'from tar',
      skipped: '',
      '.dockerignore': 'skipped',
    });
    await run(['tar', '-C', context, '-czf', join(folder.path, 'context.tgz'), '.']);
    const input = await readFile(join(folder.path, 'context.tgz'));
    expect(await run([BERTH, 'build', '-q', '-o', '-', '-'], { input, env: environment() })).toContain(
      'from tar',
    );
  });

  it('shows the word that makes no sense', async () => {
    await write({ Dockerfile: 'FROM scratch\nLABEL a=x b="\n' });
    const { stderr } = await failureOf(berth('build', context));
    expect(stderr).toContain('   2 | >>> LABEL a=x b="\n     |                 ^\n');
  });

  it.runIf(canRun)('finds mistakes before anything runs, in stages on other stages too', async () => {
    await write({ Dockerfile: 'FROM base AS a\nRUN echo it-ran\nENV P=99999\nFROM a\nEXPOSE $P\n' });
    const { stderr } = await failureOf(berth('build', '--progress=plain', context));
    expect(stderr).toContain('>>> EXPOSE $P');
    expect(stderr).toContain('invalid port "99999"');
    expect(stderr).not.toMatch(/\d it-ran/);
  });

  it('writes files, a tar, archives, and reports', async () => {
    await write({ Dockerfile: 'FROM scratch\nCOPY d /\n', 'd/a': 'x', 'd/sub/b': 'y' });
    const at = (name: string) => join(folder.path, name);
    const outputs = ['out', 'type=tar,dest=', 'type=oci,dest=', 'type=docker,dest='];
    const [files, ...archives] = outputs.map((text, i) =>
      text === 'out' ? at('out') : `${text}${at(`${i}.tar`)}`,
    );
    await berth(
      ...['build', '-q', '-t', 'multi:1', '-o', files ?? '', ...archives.flatMap((text) => ['-o', text])],
      ...['--iidfile', at('id'), '--metadata-file', at('metadata.json'), context],
    );
    expect((await readdir(at('out'), { recursive: true })).sort()).toEqual(['a', 'sub', 'sub/b']);
    expect((await run(['tar', '-tf', at('1.tar')])).split('\n').filter(Boolean)).toEqual([
      'a',
      'sub/',
      'sub/b',
    ]);
    expect(await run(['tar', '-tf', at('2.tar')])).toContain('index.json');
    expect(await run(['tar', '-tf', at('3.tar')])).toContain('manifest.json');
    const metadata = JSON.parse(await readFile(at('metadata.json'), 'utf8'));
    expect(metadata['containerimage.config.digest']).toBe(await readFile(at('id'), 'utf8'));
  });

  it('makes nothing setuid or setgid in a directory, whose files belong to somebody else', async () => {
    await write({ Dockerfile: 'FROM scratch\nCOPY --chmod=6755 a /d/a\n', a: '' });
    const out = join(folder.path, 'modes');
    await berth('build', '-q', '-o', out, context);
    expect((await stat(join(out, 'd/a'))).mode & 0o7777).toBe(0o755);
    expect(
      await run(['tar', '-tvf', '-'], { input: await berth('build', '-q', '-o', '-', context) }),
    ).toContain('-rwsr-sr-x');
  });

  it('makes an index of several platforms', async () => {
    await write({
      Dockerfile: 'FROM scratch\nARG TARGETARCH\nCOPY a-$TARGETARCH /a\n',
      'a-amd64': 'one',
      'a-arm64': 'two',
    });
    const out = join(folder.path, 'platforms');
    await berth('build', '-q', '--platform', 'linux/amd64,linux/arm64', '-o', out, context);
    expect(await readFile(join(out, 'linux_arm64/a'), 'utf8')).toBe('two');
  });

  it('gives the same bits for the same input in another place, with a time', async () => {
    await write({ Dockerfile: 'FROM scratch\nWORKDIR /w\nCOPY a /d/a\n', a: 'x' });
    const build = (root: string) =>
      run([BERTH, 'build', '-q', '--root', join(folder.path, root), '--timestamp', '1000', context], {
        env: environment(),
      });
    const first = await build('one');
    await run(['touch', join(context, 'a')]);
    expect(await build('two')).toBe(first);
  });

  it('pushes what it has built', async () => {
    await using registry = await BerthProcess.start();
    await write({ Dockerfile: 'FROM scratch\nCOPY a /a\n', a: 'pushed' });
    await berth('build', '-q', '--push', '-t', `${registry.address}/team/app:1`, context);
    const answer = await fetch(`${registry.url}/v2/team/app/tags/list`);
    expect(await answer.json()).toEqual({ name: 'team/app', tags: ['1'] });
  });

  it.each(['registry', 'local', 'inline'])(
    'finds on another machine what a cache of type %s has',
    async (type) => {
      await using registry = await BerthProcess.start();
      await write({ Dockerfile: 'FROM scratch\nCOPY a /a\nWORKDIR /w\n', a: 'cached' });
      const image = `${registry.address}/app:1`;
      const ref = type === 'registry' ? `${registry.address}/cache:1` : image;
      const from =
        type === 'local' ? `type=local,src=${join(folder.path, 'cache')}` : `type=registry,ref=${ref}`;
      const to = type === 'inline' ? 'type=inline' : from.replace('src=', 'dest=');
      const build = (root: string, ...flags: string[]) =>
        run([BERTH, 'build', '-q', '--root', join(folder.path, root), '-t', image, ...flags, context], {
          env: environment(),
        });
      const first = await build(`${type}-1`, '--push', '--cache-to', to);
      await run(['touch', join(context, 'a')]);
      const again = await build(
        `${type}-2`,
        '--cache-from',
        from,
        ...(type === 'inline' ? ['--cache-to', to] : []),
      );
      expect(again).toBe(first);
    },
  );

  it.each<{ lie: string; tell: (cache: CacheLayout) => Promise<void> }>([
    { lie: 'the layers are gone', tell: (cache) => cache.changeLayers(() => undefined) },
    { lie: 'the layers are others', tell: (cache) => cache.changeLayers((bytes) => bytes.fill(0x41)) },
    { lie: 'sizes are wrong', tell: (cache) => cache.changeRecords({ size: 7 }) },
    { lie: 'sizes are no sizes', tell: (cache) => cache.changeRecords({ size: -1.5 }) },
    { lie: 'times are no times', tell: (cache) => cache.changeRecords({ created: 'yesterday' }) },
  ])('builds what it should when a cache lies: $lie', async ({ tell }) => {
    await write({ Dockerfile: 'FROM scratch\nCOPY a /a\nWORKDIR /w\n', a: 'x' });
    const directory = join(folder.path, `lying-${Math.random()}`);
    const build = (root: string, flag: string) =>
      berth('build', '-q', '--root', join(directory, root), '--timestamp=1', '-t', 'app:1', flag, context);
    await build('one', `--cache-to=type=local,dest=${join(directory, 'cache')}`);
    await tell(await CacheLayout.open(join(directory, 'cache')));
    await build('two', `--cache-from=type=local,src=${join(directory, 'cache')}`);
    const exported = (root: string) => berth('export', '--root', join(directory, root), 'app:1');
    expect(await exported('two')).toBe(await exported('one'));
    const saved = berth('save', '--root', join(directory, 'two'), '-o', join(directory, 'tar'), 'app:1');
    await expect(saved).resolves.toBe('');
  });

  it('does not publish the values of arguments with a cache', async () => {
    await write({
      Dockerfile: 'FROM scratch AS a\nARG TOKEN\nCOPY x /$TOKEN/\nFROM scratch\nCOPY --from=a / /\n',
      x: '',
    });
    const cache = join(folder.path, 'published');
    const flags = ['--build-arg', 'TOKEN=not-for-others', `--cache-to=type=local,dest=${cache},mode=max`];
    await berth('build', '-q', ...flags, context);
    const config = JSON.stringify((await CacheLayout.open(cache)).config);
    expect(config).toContain('io.berth.buildcache.v1');
    expect(config).not.toContain('not-for-others');
  });

  it('takes the base for each platform from the registry, and leaves the name to that of this machine', async () => {
    await using registry = await BerthProcess.start();
    const name = `${registry.address}/base:1`;
    const platforms = ['--platform', 'linux/amd64,linux/arm64'];
    await write({
      'base/Dockerfile': 'FROM scratch\nARG TARGETARCH\nENV FOR=$TARGETARCH\nCOPY a /\n',
      'base/a': '',
    });
    await berth('build', '-q', ...platforms, '--push', '-t', name, join(context, 'base'));
    await berth('rmi', name);
    await write({ Dockerfile: `FROM ${name}\nCOPY <<E /b\nE\n` });
    const [host = '', foreign = ''] = process.arch === 'x64' ? ['amd64', 'arm64'] : ['arm64', 'amd64'];
    await berth('build', '-q', context);
    await berth('build', '-q', '-t', 'foreign:1', '--platform', `linux/${foreign}`, context);
    const environment = async (image: string) => JSON.parse(await berth('inspect', image))[0].Config.Env;
    expect(await environment('foreign:1')).toContain(`FOR=${foreign}`);
    expect(await environment(name)).toContain(`FOR=${host}`);
  });

  it('takes what follows --pull or --sbom for the context', async () => {
    await write({ Dockerfile: 'FROM scratch\nCOPY a /a\n', a: 'x' });
    await berth('build', '-q', '--pull', context);
    await berth('build', '-q', '--sbom', context);
    expect((await failureOf(berth('build', '--pull=sometimes', context))).stderr).toContain(
      'always, missing',
    );
  });

  it.each([
    {
      text: 'FROM scratch\nCOPPY a b\n',
      message: /Dockerfile:2:1: unknown instruction: COPPY \(did you mean COPY\?\)/,
    },
    {
      text: 'FROM scratch\nCOPY missing /\n',
      message: /2 \| >>> COPY missing[\s\S]*"missing" was not found in the context/,
    },
    { text: 'FROM scratch AS a\nCOPY --from=a x /\n', message: /cannot take files from itself/ },
  ])('fails with code 1 and says where: $text', async ({ text, message }) => {
    await write({ Dockerfile: text });
    const failure = await failureOf(berth('build', context));
    expect(failure.code).toBe(1);
    expect(failure.stderr).toMatch(message);
  });

  it('reads no Dockerfile and no ignore file through a link out of a context that was fetched', async () => {
    await write({ outside: 'COPPY secret', 'inside/Dockerfile': 'FROM scratch\n', 'inside/kept': '' });
    const tarWith = async (...links: [string, string][]) => {
      for (const [name, target] of links) {
        await rm(join(context, 'inside', name), { force: true });
        await symlink(target, join(context, 'inside', name));
      }
      await run(['tar', '-C', join(context, 'inside'), '-cf', join(context, 'tar'), '.']);
      return readFile(join(context, 'tar'));
    };
    const build = (input: Buffer) => run([BERTH, 'build', '-'], { input, env: environment() });
    const dockerfile = await failureOf(build(await tarWith(['Dockerfile', join(context, 'outside')])));
    expect(dockerfile.stderr).toContain('Dockerfile is a link that leads out of the context');
    expect(dockerfile.stderr).not.toContain('secret');
    const relative = await failureOf(build(await tarWith(['Dockerfile', '../../../../../../../etc/passwd'])));
    expect(relative.stderr).toContain('leads out of the context');
    const ignore = tarWith(['Dockerfile', 'kept'], ['.dockerignore', join(context, 'outside')]);
    expect((await failureOf(build(await ignore))).stderr).toContain('.dockerignore is a link');
  });

  it('reads no Dockerfile through a link out of a context of this machine, unless the link itself lies elsewhere', async () => {
    await write({ outside: 'COPPY secret', 'inside/kept': '', 'inside/a/b': 'FROM scratch\n' });
    const inside = join(context, 'inside');
    await symlink('a/b', join(inside, 'within'));
    await symlink('../outside', join(inside, 'Dockerfile'));
    await symlink('../outside', join(inside, '..Dockerfile'));
    await symlink('outside', join(context, 'link'));
    for (const file of [undefined, 'Dockerfile', join(inside, 'Dockerfile'), '..Dockerfile']) {
      const { stderr } = await failureOf(berth('build', ...(file ? ['-f', file] : []), inside));
      expect(stderr).toContain(
        'Dockerfile is a link that leads out of the context: name the file itself with -f',
      );
      expect(stderr).not.toContain('secret');
    }
    expect((await failureOf(berth('build', '-f', join(context, 'link'), inside))).stderr).toContain('secret');
    await berth('build', '-q', '-f', join(inside, 'within'), inside);
  });

  it('does not wait for a pipe in the place of a Dockerfile, nor reads without end', async () => {
    await run(['mkfifo', join(context, 'Dockerfile')]);
    expect((await failureOf(berth('build', context))).stderr).toContain('Dockerfile is not a file');
    const endless = await failureOf(berth('build', '-f', '/dev/zero', context));
    expect(endless.stderr).toContain('/dev/zero has more than 16777216 bytes');
    const piped = ['sh', '-c', `echo FROM scratch | ${BERTH} build -q -f /dev/stdin ${context}`];
    expect(await run(piped, { env: environment() })).toContain('sha256:');
  });

  it('has code 2 for what was typed wrongly', async () => {
    expect((await failureOf(berth('build', join(context, 'nowhere')))).code).toBe(2);
    await write({ Dockerfile: 'FROM scratch\n' });
    expect((await failureOf(berth('build', '-o', 'type=nothing', context))).code).toBe(2);
    const misnamed = await failureOf(berth('build', '-t', 'BAD', context));
    expect(misnamed.code).toBe(2);
    expect(misnamed.stderr).toMatch(/^berth: not an image name: "BAD"/);
  });

  it('keeps two builds on one store apart', async () => {
    const builds = [1, 2, 3].map(async (number) => {
      const directory = join(context, String(number));
      await mkdir(directory);
      await writeFile(
        join(directory, 'Dockerfile'),
        `FROM scratch\nCOPY <<E /x\n${number}\nE\nWORKDIR /same\n`,
      );
      return berth('build', '-q', '-t', `parallel:${number}`, directory);
    });
    expect(new Set(await Promise.all(builds)).size).toBe(3);
  });

  it('needs no privilege where nothing runs', async ({ skip }) => {
    if (!isRoot) skip('the other tests show it');
    await write({ Dockerfile: 'FROM scratch\nCOPY --chown=5:6 a /a\nWORKDIR /w\n', a: 'x' });
    await chmod(folder.path, 0o755);
    const root = join(folder.path, 'unprivileged');
    await mkdir(root);
    await run(['chown', '65534', root]);
    const prefix = asUser(65534, '--clear-groups', '--no-new-privs');
    const tar = await run([...prefix, BERTH, 'build', '-q', '--root', root, '-o', '-', context], {
      env: environment({ HOME: '/nonexistent' }),
    });
    expect(tar).toContain('w/');
  });
});

describe.skipIf(!canRun)('berth build with RUN (needs root, runc and busybox-static)', () => {
  it('runs commands on the base image, and keeps what they change', async () => {
    await write({
      Dockerfile: `FROM base AS made
ARG WHO=world
RUN echo hello $WHO > /hello && mkdir -m 700 /private
FROM base
COPY --from=made /hello /from-stage
RUN rm /bin/vi && cat /from-stage > /seen
`,
    });
    const out = join(folder.path, 'ran');
    await berth('build', '-q', '--network=none', '--build-arg', 'WHO=berth', '-o', out, context);
    expect(await readFile(join(out, 'seen'), 'utf8')).toBe('hello berth\n');
    expect(existsSync(join(out, 'bin/vi'))).toBe(false);
    expect(existsSync(join(out, 'private'))).toBe(false);
  });

  it('shows the command, its code and its last words when it fails', async () => {
    await write({ Dockerfile: 'FROM base\nRUN echo last words; exit 7\n' });
    const { code, stderr } = await failureOf(berth('build', '--network=none', context));
    expect(code).toBe(1);
    expect(stderr).toContain('last words');
    expect(stderr).toContain('>>> RUN echo last words; exit 7');
    expect(stderr).toContain('did not complete successfully: exit code: 7');
  });

  it('keeps cache mounts between builds, and hides secrets', async () => {
    await write({
      Dockerfile: `FROM base
ARG N
RUN --mount=type=cache,target=/cache --mount=type=secret,id=token \\
    echo $N >> /cache/log; cat /cache/log > /log; cat /run/secrets/token; [ -s /run/secrets/token ]
`,
      token: 'very-secret-text',
    });
    const flags = ['--network=none', '--secret', `id=token,src=${join(context, 'token')}`];
    const out = join(folder.path, 'mounted');
    await run([BERTH, 'build', ...flags, '--build-arg', 'N=1', context], { env: environment() });
    await berth('build', ...flags, '--build-arg', 'N=2', '-o', out, context);
    expect(await readFile(join(out, 'log'), 'utf8')).toBe('1\n2\n');
    await expect(run(['grep', '-r', 'very-secret-text', join(folder.path, 'root')])).rejects.toThrow();
  });

  it('keeps its cache mounts while another command prunes', async () => {
    await write({
      Dockerfile: `FROM base
RUN --mount=type=cache,id=used,target=/cache \\
    echo kept > /cache/file; touch /cache/ready; while [ ! -e /cache/go ]; do sleep 0.1; done; cat /cache/file
RUN --mount=type=cache,id=unused,target=/cache true
`,
    });
    const root = join(folder.path, 'pruned');
    const mounts = join(root, 'build-cache/mounts');
    const flags = ['--root', root, '--network=none'];
    await berth(
      'copy',
      '-q',
      '--root',
      root,
      `oci:${join(folder.path, 'root/content')}:docker.io/library/base:latest`,
      'base',
    );
    const building = berth('build', ...flags, context);
    const used = await vi.waitUntil(() => directoryWith(mounts, 'ready'), 60_000);
    expect(await berth('builder', 'prune', '--root', root, '--all', '--force')).not.toContain('used');
    await writeFile(join(used, 'go'), '');
    await building;
    expect(await readFile(join(used, 'file'), 'utf8')).toBe('kept\n');
    expect(await berth('builder', 'prune', '--root', root, '--all', '--force')).toMatch(
      /^unused\nused\n|^used\nunused\n/m,
    );
    expect(existsSync(used)).toBe(false);
  });

  it('leaves nothing half-made when it is interrupted', async () => {
    await write({ Dockerfile: 'FROM base\nRUN echo begun; sleep 100\n' });
    const args = ['build', '--progress=plain', '--network=none', context];
    const building = spawn(BERTH, args, { env: environment(), stdio: ['ignore', 'ignore', 'pipe'] });
    const ended = once(building, 'exit');
    let said = '';
    building.stderr.on('data', (chunk) => {
      said += chunk;
    });
    await expect.poll(() => said).toMatch(/ begun$/m);
    building.kill('SIGINT');
    expect(await ended).toEqual([130, null]);
    expect(await readdir(join(folder.path, 'root/tmp'))).toEqual([]);
  });
});

describe('berth builder', () => {
  it('shows and removes the cache, but nothing that an image needs', async () => {
    await write({ Dockerfile: 'FROM scratch\nCOPY a /kept\n', a: 'x' });
    await berth('build', '-q', '-t', 'kept:1', context);
    await berth('build', '-q', '-o', 'type=cacheonly', '--label', 'a=b', '-f', '-', context).catch(() => '');
    expect(await berth('builder', 'du')).toContain('COPY a /kept');
    await berth('builder', 'prune', '-f');
    expect(await berth('builder', 'du')).toContain('COPY a /kept');
    await berth('builder', 'prune', '-f', '--all');
    expect(await berth('builder', 'du')).not.toContain('COPY a /kept');
    const { Layers } = JSON.parse(await berth('inspect', 'kept:1'))[0].RootFS;
    const indexes = await readdir(join(folder.path, 'root/build-cache/indexes'));
    expect(indexes).toContain(Layers[0].replace('sha256:', ''));
    expect(await berth('export', 'kept:1')).toContain('kept');
    await berth('rmi', 'kept:1');
    await berth('builder', 'prune', '-f', '--all');
    expect(await readdir(join(folder.path, 'root/build-cache/indexes'))).not.toContain(
      Layers[0].replace('sha256:', ''),
    );
  });

  it('keeps nothing of what builds without cache have replaced, nor of a cache that was lost', async () => {
    const root = join(folder.path, 'replaced');
    const blobs = () => readdir(join(root, 'content/blobs/sha256'));
    await write({ Dockerfile: 'FROM scratch\nWORKDIR /made\n' });
    const build = (...flags: string[]) =>
      berth('build', '-q', '--root', root, '-o', 'type=cacheonly', ...flags, context);
    const prune = () => berth('builder', 'prune', '--root', root, '-f', '--filter', 'until=1h');
    await build();
    await prune(); // what only passed through
    const before = await blobs();
    expect(await berth('builder', 'du', '--root', root)).toContain('WORKDIR');
    // The same key leads to another layer: its directory is as new as the build, in seconds.
    await setTimeout(1100);
    await build('--no-cache');
    await prune();
    const after = await blobs();
    expect(after).toHaveLength(before.length);
    expect(after).not.toEqual(before);
    await rm(join(root, 'build-cache/cache.sqlite'));
    await berth('builder', 'prune', '--root', root, '-f');
    expect(await blobs()).toEqual([]);
    expect(await readdir(join(root, 'build-cache/indexes'))).toEqual([]);
  });
});

/** A cache of type local, to be tampered with. */
class CacheLayout {
  readonly #directory: string;
  readonly manifest: Readonly<{ config: { digest: string }; layers: { digest: string }[] }>;
  readonly config: Readonly<Record<string, unknown>>;

  static async open(directory: string): Promise<CacheLayout> {
    const { manifests } = JSON.parse(await readFile(join(directory, 'index.json'), 'utf8'));
    const manifest = JSON.parse(await readFile(blobIn(directory, manifests[0].digest), 'utf8'));
    const config = JSON.parse(await readFile(blobIn(directory, manifest.config.digest), 'utf8'));
    return new CacheLayout(directory, manifest, config);
  }

  private constructor(directory: string, manifest: CacheLayout['manifest'], config: CacheLayout['config']) {
    this.#directory = directory;
    this.manifest = manifest;
    this.config = config;
  }

  /** @param change `undefined` takes the layer away. */
  async changeLayers(change: (bytes: Buffer) => Buffer | undefined): Promise<void> {
    for (const { digest } of this.manifest.layers) {
      const path = blobIn(this.#directory, digest);
      const changed = change(await readFile(path));
      await (changed === undefined ? rm(path) : writeFile(path, changed));
    }
  }

  /** With all digests made right again. */
  async changeRecords(change: object): Promise<void> {
    const cache = this.config['io.berth.buildcache.v1'] as { records: object[] };
    const records = cache.records.map((record) => ({ ...record, ...change }));
    const config = { ...this.config, 'io.berth.buildcache.v1': { ...cache, records } };
    const manifest = {
      ...this.manifest,
      config: { ...this.manifest.config, ...(await this.#put(config)) },
    };
    const index = JSON.parse(await readFile(join(this.#directory, 'index.json'), 'utf8'));
    index.manifests = [{ ...index.manifests[0], ...(await this.#put(manifest)) }];
    await writeFile(join(this.#directory, 'index.json'), JSON.stringify(index));
  }

  async #put(value: object): Promise<{ digest: string; size: number }> {
    const bytes = JSON.stringify(value);
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    await writeFile(blobIn(this.#directory, digest), bytes);
    return { digest, size: bytes.length };
  }
}

function blobIn(layout: string, digest: string): string {
  return join(layout, 'blobs', digest.replace(':', '/'));
}

/** The directory in `parent` that has a file of this name. */
async function directoryWith(parent: string, name: string): Promise<string | undefined> {
  const names = await readdir(parent).catch(() => []);
  return names.map((child) => join(parent, child)).find((path) => existsSync(join(path, name)));
}
