// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are words of a Dockerfile
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BERTH, BerthProcess } from '../support/berth-process.js';
import { run } from '../support/run.js';
import { BuildPlace } from './build-place.js';

const resources = new AsyncDisposableStack();
let place: BuildPlace;

beforeAll(async () => {
  place = resources.use(await BuildPlace.create('checks'));
  const base = await place.context({ Dockerfile: 'FROM scratch\nENV SET=here\nCOPY <<E /x\nx\nE\n' });
  await place.berth('build', '-q', '-t', 'based:1', base);
  await place.berth('build', '-q', '--platform', 'linux/s390x', '-t', 'foreign:1', base);
});
afterAll(() => resources.disposeAsync());

async function check(text: string, ...args: readonly string[]): Promise<string> {
  const context = await place.context({ Dockerfile: text });
  return place.berth('build', '--check', ...args, context).catch((error) => error.stderr);
}

describe('berth build --check', () => {
  it('has code 1 when it finds something', async () => {
    const context = await place.context({ Dockerfile: 'from scratch\nWORKDIR relative\nMAINTAINER me\n' });
    const failure = await place.failure('build', '--check', context);
    expect(failure.code).toBe(1);
    expect(failure.stderr).toContain('Check complete, 3 warnings found.');
  });

  it('has other findings too where words make no sense', async () => {
    const text = 'from scratch\nMAINTAINER me\nARG M=bad\nRUN --mount=type=$M x\n';
    const failure = await place.failure('build', '--check', await place.context({ Dockerfile: text }));
    expect(failure.stdout).toContain('MaintainerDeprecated');
    expect(failure.stderr).toContain('unsupported mount type "bad"');
  });

  it('knows the variables and the platform of bases that are here', async () => {
    expect(await check('FROM based:1\nENV A=$SET\n')).toContain('no warnings');
    expect(await check('FROM based:1\nENV A=$SAT\n')).toContain(
      "undefined variable '$SAT' (did you mean $SET?)",
    );
    expect(await check('FROM foreign:1\n')).toContain(
      'Base image foreign:1 was pulled with platform "linux/s390x", expected "linux/',
    );
  });

  it('asks the registry for what is not here, and pulls nothing', async () => {
    await using registry = await BerthProcess.start();
    const name = `${registry.address}/base:1`;
    await place.berth('tag', 'based:1', name);
    await place.berth('push', '-q', name);
    await place.berth('rmi', name);
    expect(await check(`FROM ${name}\nENV A=$SAT\n`)).toContain("undefined variable '$SAT'");
    expect((await place.failure('inspect', name)).code).toBe(1);
    const context = await place.context({ Dockerfile: `FROM ${name}\nENV A=$SAT\n` });
    const warned = await place.failure(
      'build',
      '--build-arg',
      'BUILDKIT_DOCKERFILE_CHECK=error=true',
      context,
    );
    expect(warned.stderr).toContain('BUILDKIT_DOCKERFILE_CHECK says that they are errors');
  });

  it('leaves out what it cannot know', async () => {
    expect(await check('FROM 127.0.0.1:1/nowhere\nENV A=$B\nUSER $B\nEXPOSE $B\n')).toContain('no warnings');
  });

  it.each([
    { line: 'ENV A=${B', word: '${B', message: "missing '}'" },
    { line: 'ENV A=${B!}', word: '${B!}', message: 'unsupported modifier' },
    { line: 'EXPOSE 80 http', word: 'http', message: 'invalid port "http"' },
    { line: 'EXPOSE 80000', word: '80000', message: 'ports are 0 to 65535' },
  ])('fails as a build does at $line', async ({ line, word, message }) => {
    for (const base of ['scratch', '127.0.0.1:1/nowhere']) {
      const said = await check(`FROM ${base}\n${line}\n`);
      expect(said).toContain(message);
      expect(said).toContain('Dockerfile:2\n');
      expect(said).toContain(`   2 | >>> ${line}\n     |     ${' '.repeat(line.indexOf(word))}^`);
    }
  });

  it('looks into stages that only a target needs', async () => {
    const text = 'FROM scratch AS other\nEXPOSE http\nFROM scratch AS wanted\n';
    expect(await check(text)).toContain('invalid port');
    expect(await check(text, '--target', 'wanted')).toContain('no warnings');
  });
});

describe('a build', () => {
  async function said(...args: readonly string[]): Promise<string> {
    const command = ['sh', '-c', 'exec "$@" 2>&1', 'sh', BERTH, 'build', ...args];
    return run(command, { env: place.environment() });
  }

  it('tells what the checks find, knowing the bases', async () => {
    const told = await said(await place.context({ Dockerfile: 'FROM based:1\nENV A=$SAT B=$SET\n' }));
    expect(told).toContain("UndefinedVar: Usage of undefined variable '$SAT'");
    expect(told).not.toContain("'$SET'");
  });

  it('speaks of the image that it took, not of another one with the name', async () => {
    await using registry = await BerthProcess.start();
    const name = `${registry.address}/both:1`;
    const base = await place.context({ Dockerfile: 'FROM scratch\nCOPY <<E /x\nx\nE\n' });
    const platforms = ['--platform', 'linux/amd64,linux/arm64'];
    await place.berth('build', '-q', ...platforms, '--push', '-t', name, base);
    await place.berth('rmi', name);
    const context = await place.context({ Dockerfile: `FROM ${name}\n` });
    for (const platform of ['linux/amd64', 'linux/arm64'])
      expect(await said('--platform', platform, context)).not.toContain('InvalidBaseImagePlatform');
    expect(
      await said('--platform', 'linux/s390x', await place.context({ Dockerfile: 'FROM based:1\n' })),
    ).toContain('InvalidBaseImagePlatform');
  });

  it.each([
    { text: 'FROM x:y:z\n', message: 'not an image name', caret: 'Dockerfile:1:6' },
    { text: 'ARG V=A\nFROM x:$V:y\n', message: 'not an image name', caret: 'Dockerfile:2:6' },
    {
      text: 'FROM scratch\nADD --checksum=bad https://x/ /\n',
      message: 'invalid checksum "bad"',
      caret: ' '.repeat(15),
    },
    {
      text: 'FROM scratch\nADD --checksum=abcd123 https://x/ /\n',
      message: 'write sha256:<hex> of the file',
      caret: ' '.repeat(15),
    },
    { text: 'FROM --platform=a/b/c/d scratch AS s\n', message: 'not a platform', caret: 'Dockerfile:1:17' },
    {
      text: 'FROM scratch\nARG S=SIGODD\nSTOPSIGNAL $S\n',
      message: 'unknown signal "SIGODD"',
      caret: ' '.repeat(11),
    },
    {
      text: 'FROM scratch\nARG M=9\nCOPY --chmod=$M a b\n',
      message: '"9"',
      caret: ' '.repeat(13),
    },
    { text: 'FROM scratch\nUSER $NOBODY\n', message: 'USER is empty', caret: ' '.repeat(5) },
  ])('points to the word in $text', async ({ text, message, caret }) => {
    const { stderr } = await place.failure('build', await place.context({ Dockerfile: text }));
    expect(stderr).toContain(message);
    expect(stderr).toMatch(/ \| +\^+\n/);
    expect(stderr).toContain(caret);
  });
});
