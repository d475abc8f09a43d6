import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BERTH } from '../support/berth-process.js';
import { makeRepository, startGitDaemon } from '../support/git-server.js';
import { run } from '../support/run.js';
import { BuildPlace } from './build-place.js';

const resources = new AsyncDisposableStack();
let place: BuildPlace;
let context: string;

beforeAll(async () => {
  place = resources.use(await BuildPlace.create('settings'));
  context = await place.context({ Dockerfile: 'FROM scratch AS Big\nWORKDIR /w\n' });
});
afterAll(() => resources.disposeAsync());

/** All that a build says, and the configuration of its image. */
async function build(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const file = place.path('set.tar');
  const output = ['-o', `type=oci,dest=${file}`];
  const command = ['sh', '-c', 'exec "$@" 2>&1', 'sh', BERTH, 'build', ...output, ...args, context];
  const said = await run(command, { env: place.environment(env) });
  const read = async (path: string) => JSON.parse(await run(['tar', '-xOf', file, path]));
  const blob = ({ digest }: { digest: string }) => read(`blobs/${digest.replace(':', '/')}`);
  const root = await blob((await read('index.json')).manifests[0]);
  const manifest = root.manifests === undefined ? root : await blob(root.manifests[0]);
  return { said, root, config: await blob(manifest.config) };
}

function arg(text: string): string[] {
  return ['--build-arg', text];
}

describe('a build argument that speaks to the builder', () => {
  it.each(['1', 'true'])('BUILDKIT_INLINE_CACHE=%s puts the cache into the image', async (value) => {
    const { config } = await build(arg(`BUILDKIT_INLINE_CACHE=${value}`));
    expect(Object.keys(config)).toContainEqual(expect.stringContaining('cache'));
    const { config: without } = await build(arg('BUILDKIT_INLINE_CACHE=0'));
    expect(Object.keys(without)).not.toContainEqual(expect.stringContaining('cache'));
  });

  it('BUILDKIT_MULTI_PLATFORM=true makes an index of one image', async () => {
    expect((await build(arg('BUILDKIT_MULTI_PLATFORM=true'))).root.manifests).toHaveLength(1);
  });

  it('BUILDKIT_DOCKERFILE_CHECK stands for the checks of the file', async () => {
    expect((await build([])).said).toContain('StageNameCasing');
    expect((await build(arg('BUILDKIT_DOCKERFILE_CHECK=skip=StageNameCasing'))).said).not.toContain('Casing');
    const strict = await place.failure('build', ...arg('BUILDKIT_DOCKERFILE_CHECK=error=true'), context);
    expect(strict.stderr).toContain('1 warning of the build checks');
    const check = arg('BUILDKIT_DOCKERFILE_CHECK=skip=all;error=true');
    expect(await place.berth('build', '--check', ...check, context)).toContain('no warnings');
  });

  it('BUILDKIT_SYNTAX has no effect, and is not called unused', async () => {
    const { said } = await build(arg('BUILDKIT_SYNTAX=docker/dockerfile:1'));
    expect(said).toContain('BUILDKIT_SYNTAX has no effect');
    expect(said).not.toContain('no ARG asks');
  });

  it.each(['argument', 'variable'])('SOURCE_DATE_EPOCH is the time of the image: %s', async (how) => {
    const given = { SOURCE_DATE_EPOCH: '1000000000' };
    const { config, said } =
      how === 'argument' ? await build(arg('SOURCE_DATE_EPOCH=1000000000')) : await build([], given);
    expect(said).not.toContain('no ARG asks');
    expect(config.created).toBe('2001-09-09T01:46:40.000Z');
    expect(config.history.map(({ created }: { created: string }) => created)).toEqual([config.created]);
  });

  it('BUILDKIT_CONTEXT_KEEP_GIT_DIR=true keeps the history of a git context', async () => {
    await makeRepository(place.path('git'), 'app', { v1: { Dockerfile: 'FROM scratch\nCOPY . /\n' } });
    await using daemon = await startGitDaemon(place.path('git'));
    const out = place.path('out');
    const keep = arg('BUILDKIT_CONTEXT_KEEP_GIT_DIR=true');
    await place.berth('build', '-q', '-o', out, ...keep, `${daemon.url}/app.git#v1`);
    expect(await readFile(`${out}/.git/HEAD`, 'utf8')).not.toBe('');
  });

  it.each([
    { text: 'BUILDKIT_INLINE_CACHE=perhaps', message: 'it is 1 or 0' },
    { text: 'BUILDKIT_DOCKERFILE_CHECK=skip', message: 'it needs a value' },
    { text: 'SOURCE_DATE_EPOCH=yesterday', message: 'a number of seconds since 1970' },
  ])('is refused when it means nothing: $text', async ({ text, message }) => {
    const failure = await place.failure('build', ...arg(text), context);
    expect(failure.code).toBe(2);
    expect(failure.stderr).toContain(message);
  });
});
