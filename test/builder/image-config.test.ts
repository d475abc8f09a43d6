import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StepError } from '../../src/builder/index.js';
import { BuildBench } from './build-bench.js';

let bench: BuildBench;
beforeEach(() => {
  bench = new BuildBench({ a: 'a' });
});
afterEach(() => bench[Symbol.dispose]());

const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

describe('instructions without a layer', () => {
  it.each<{ text: string; config: object; history: string[] }>([
    {
      text: 'ENV a=1 b="two words"',
      config: { Env: [PATH, 'a=1', 'b=two words'] },
      history: ['ENV a=1 b=two words'],
    },
    {
      text: 'ENV a=1\nENV b=$a a=2\nENV c=$a',
      config: { Env: [PATH, 'a=2', 'b=1', 'c=2'] },
      history: ['ENV a=1', 'ENV b=1 a=2', 'ENV c=2'],
    },
    { text: 'LABEL k="v w"', config: { Labels: { k: 'v w' } }, history: ['LABEL k=v w'] },
    {
      text: 'CMD ["a", "b \\"c\\""]',
      config: { Cmd: ['a', 'b "c"'], ArgsEscaped: true },
      history: ['CMD ["a" "b \\"c\\""]'],
    },
    {
      text: 'SHELL ["/bin/x", "-e"]\nENTRYPOINT run it',
      config: { Shell: ['/bin/x', '-e'], Entrypoint: ['/bin/x', '-e', 'run it'] },
      history: ['SHELL [/bin/x -e]', 'ENTRYPOINT ["/bin/x" "-e" "run it"]'],
    },
    {
      text: 'EXPOSE 90 80/UDP 7000-7001',
      config: { ExposedPorts: { '7000/tcp': {}, '7001/tcp': {}, '80/udp': {}, '90/tcp': {} } },
      history: ['EXPOSE [7000/tcp 7001/tcp 80/udp 90/tcp]'],
    },
    { text: 'VOLUME ["/a b"]', config: { Volumes: { '/a b': {} } }, history: ['VOLUME [/a b]'] },
    { text: 'USER web', config: { User: 'web' }, history: ['USER web'] },
    { text: 'STOPSIGNAL SIGTERM', config: { StopSignal: 'SIGTERM' }, history: ['STOPSIGNAL SIGTERM'] },
    {
      text: 'HEALTHCHECK --interval=30s --retries=3 CMD curl -f x',
      config: { Healthcheck: { Test: ['CMD-SHELL', 'curl -f x'], Interval: 30e9, Retries: 3 } },
      history: ['HEALTHCHECK &{["CMD-SHELL" "curl -f x"] "30s" "0s" "0s" "0s" \'\\x03\'}'],
    },
    { text: 'ONBUILD RUN f x', config: { OnBuild: ['RUN f x'] }, history: [] },
    { text: 'ARG a=1 b', config: { Env: [PATH] }, history: ['ARG a=1 b'] },
    { text: 'WORKDIR /', config: { WorkingDir: '/' }, history: ['WORKDIR /'] },
  ])('$text', async ({ text, config, history }) => {
    const image = await bench.build(`FROM scratch\n${text}\n`);
    expect(image.config.config).toMatchObject(config);
    expect(image.config.history?.map((entry) => entry.created_by)).toEqual(history);
    expect(image.config.history?.every((entry) => entry.empty_layer)).toBe(true);
    expect(image.layers).toEqual([]);
  });

  it('take a time that grows with their number, and not with its square', async () => {
    const names = Array.from({ length: 20_000 }, (_, i) => `n${i}`);
    const lines = names.flatMap((name) => [`ENV ${name}=1`, `LABEL ${name}=1`, `ARG ${name}=1`]);
    const image = await bench.build(['FROM scratch', ...lines].join('\n'));
    expect(image.config.config?.Env).toEqual([PATH, ...names.map((name) => `${name}=1`)]);
    expect(Object.keys(image.config.config?.Labels ?? {})).toEqual(names);
    expect(image.config.history).toHaveLength(lines.length);
  });
});

describe('instructions with a layer', () => {
  it.each([
    { text: 'WORKDIR /w', history: 'WORKDIR /w' },
    { text: 'COPY --chown=1 --chmod=644 a /x/', history: 'COPY --chown=1 --chmod=644 a /x/ # buildkit' },
    { text: 'ADD a /x', history: 'ADD a /x # buildkit' },
    { text: 'COPY <<E /x\nE', history: 'COPY <<E /x # buildkit' },
    { text: 'RUN f x', history: 'RUN /bin/sh -c f x # buildkit' },
    { text: 'RUN ["f", "x"]', history: 'RUN f x # buildkit' },
    { text: 'ARG v=1\nARG w\nRUN f x', history: 'RUN |2 v=1 w= /bin/sh -c f x # buildkit' },
  ])('$text', async ({ text, history }) => {
    const image = await bench.build(`FROM scratch\n${text}\n`);
    const last = image.config.history?.at(-1);
    expect(last).toMatchObject({ created_by: history, comment: 'buildkit.dockerfile.v0' });
    expect(last?.empty_layer).toBeUndefined();
    expect(image.config.rootfs.diff_ids).toEqual(image.layers.map(({ diffID }) => diffID));
    expect(image.layers).toHaveLength(1);
  });
});

describe('variables', () => {
  it.each([
    { text: 'ARG v=1\nFROM scratch\nRUN f $v', seen: undefined },
    { text: 'ARG v=1\nFROM scratch\nARG v\nRUN f', seen: '1' },
    { text: 'ARG v=1\nFROM scratch\nARG v=2\nRUN f', seen: '2' },
    { text: 'FROM scratch\nARG v=1\nENV v=2\nRUN f', seen: '2' },
    { text: 'FROM scratch AS a\nARG v=1\nFROM a\nRUN f', seen: '1' },
    { text: 'FROM scratch\nARG u=1 v=$u\nRUN f', seen: '1' },
    { text: 'FROM scratch\nARG v=1\nRUN f', args: { v: '9' }, seen: '9' },
    { text: 'FROM scratch\nRUN f', args: { v: '9' }, seen: undefined },
  ])('$text', async ({ text, args = {}, seen }) => {
    await bench.build(`${text}\n`, { buildArgs: new Map(Object.entries(args)) });
    const line = bench.ran[0]?.env.find((entry) => entry.startsWith('v='));
    expect(line).toBe(seen === undefined ? undefined : `v=${seen}`);
  });

  it('never bring ARG into the image', async () => {
    const image = await bench.build('FROM scratch\nARG v=1\nRUN f\n');
    expect(image.config.config?.Env).toEqual([PATH]);
  });
});

describe('a base image', () => {
  it('hands down configuration, history and layers, and triggers run first', async () => {
    const base = await bench.build('FROM scratch\nENV a=1\nRUN f x\nCMD ["c"]\nONBUILD RUN t y\n');
    bench.addBase('base', base);
    const image = await bench.build('FROM base\nRUN g z\nENTRYPOINT ["e"]\n');
    expect(image.steps.map((step) => step.slice(1))).toEqual(['RUN t y', 'RUN g z']);
    expect([...image.files.keys()]).toEqual(['f', 'g', 't']);
    expect(image.config.config).not.toHaveProperty('OnBuild');
    expect(image.config.config).not.toHaveProperty('Cmd');
    expect(image.config.history?.length).toBe(7 - 1);
    expect(image.layers.map(({ isBase }) => isBase)).toEqual([true, false, false]);
  });

  it('keeps members of its configuration that nobody knows', async () => {
    const base = await bench.build('FROM scratch\nRUN f x\n');
    bench.addBase('base', {
      ...base,
      config: { ...base.config, 'moby.future': { a: 1 } } as typeof base.config,
    });
    expect((await bench.build('FROM base\nUSER x\n')).config).toHaveProperty('moby.future', { a: 1 });
  });
});

describe('stages', () => {
  it('that the target does not need are not built', async () => {
    const text = 'FROM scratch AS a\nRUN f x\nFROM scratch AS b\nRUN g y\n';
    expect((await bench.build(text, { target: 'a' })).steps).toEqual(['+RUN f x']);
    expect((await bench.build(text)).steps).toEqual(['+RUN g y']);
  });

  it('can be squashed into one layer', async () => {
    const image = await bench.build('FROM scratch\nRUN f x\nRUN f y\nCOPY a /d/\n', { squash: true });
    expect(image.layers).toHaveLength(1);
    expect([...image.files.values()].map(({ path, text }) => `${path} ${text}`)).toEqual([
      'd ',
      'd/a a',
      'f y',
    ]);
    expect(image.config.history?.filter((entry) => !entry.empty_layer)).toHaveLength(1);
  });
});

describe('a failure', () => {
  it('names the step, the place in the file, the exit code and what was said', async () => {
    const failure = await bench
      .build('FROM scratch AS s\nRUN f x\nRUN fail\n')
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(StepError);
    expect(failure).toMatchObject({
      step: '[s 2/2] RUN fail',
      place: { line: 3 },
      message: 'process "/bin/sh -c fail" did not complete successfully: exit code: 3',
      cause: { exitCode: 3, output: 'no such thing' },
    });
  });

  it('is not kept in the cache', async () => {
    await expect(bench.build('FROM scratch\nRUN fail\n')).rejects.toThrow();
    await expect(bench.build('FROM scratch\nRUN fail\n')).rejects.toThrow();
    expect(bench.ran).toHaveLength(2);
  });
});

describe('secrets', () => {
  it('are shown to the command alone', async () => {
    const text = 'FROM scratch\nRUN --mount=type=secret,id=k --mount=type=secret,id=e,env=E f x\n';
    const image = await bench.build(text);
    expect(bench.ran[0]?.env).toContain('E=secret e');
    expect(bench.ran[0]?.mounts).toMatchObject([
      { target: '/run/secrets/k', content: Buffer.from('secret k') },
    ]);
    expect(JSON.stringify(image.config)).not.toContain('secret');
  });
});
