// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are words of a Dockerfile
import { describe, expect, it } from 'vitest';
import {
  argValue,
  type Base,
  DockerfileError,
  expandableWords,
  expandStages,
  findTarget,
  globalScope,
  isProxyArg,
  neededStages,
  outline,
  parseDockerfile,
  predefinedArgs,
  proxyEnvironment,
  resolveSource,
  sourcesOf,
  targets,
  unusedBuildArgs,
} from '../../../src/builder/dockerfile/index.js';

const platforms = {
  build: { os: 'linux', architecture: 'amd64' },
  target: { os: 'linux', architecture: 'arm', variant: 'v7' },
};

function scopeOf(text: string, args: Record<string, string> = {}) {
  return globalScope(parseDockerfile(text), { platforms, buildArgs: new Map(Object.entries(args)) });
}

describe('global scope', () => {
  it('has the predefined arguments', () =>
    expect(Object.fromEntries(predefinedArgs({ ...platforms, stage: 'app' }))).toEqual({
      BUILDPLATFORM: 'linux/amd64',
      BUILDOS: 'linux',
      BUILDOSVERSION: '',
      BUILDARCH: 'amd64',
      BUILDVARIANT: '',
      TARGETPLATFORM: 'linux/arm/v7',
      TARGETOS: 'linux',
      TARGETOSVERSION: '',
      TARGETARCH: 'arm',
      TARGETVARIANT: 'v7',
      TARGETSTAGE: 'app',
    }));

  it.each<[text: string, args: Record<string, string>, name: string, value: string | undefined]>([
    ['FROM a', {}, 'TARGETSTAGE', 'default'],
    ['ARG A=1\nFROM a', {}, 'A', '1'],
    ['ARG A=1\nFROM a', { A: '2' }, 'A', '2'],
    ['ARG A\nFROM a', {}, 'A', undefined],
    ['ARG A\nFROM a', { A: '2' }, 'A', '2'],
    ['FROM a', { A: '2' }, 'A', undefined],
    ['ARG A=1\nARG B=$A-x\nFROM a', {}, 'B', '1-x'],
    ['ARG A=1\nARG B=$A-x\nFROM a', { A: '2' }, 'B', '2-x'],
    ['ARG A=1 B=$A\nFROM a', {}, 'B', '1'],
    ['ARG A=$TARGETARCH\nFROM a', {}, 'A', 'arm'],
    ['ARG TARGETARCH\nFROM a', {}, 'TARGETARCH', 'arm'],
    ['FROM a', { TARGETARCH: 's390x' }, 'TARGETARCH', 's390x'],
    ['ARG A="x y"\nFROM a', {}, 'A', 'x y'],
    ['FROM a\nARG A=1', {}, 'A', undefined],
  ])('%j with %j: %s', (text, args, name, value) => expect(scopeOf(text, args).get(name)).toBe(value));

  it('says where a default is wrong', () =>
    expect(() => scopeOf('ARG A=1 \\\n B=${C:?needed}\nFROM a')).toThrow(
      expect.objectContaining({ name: 'DockerfileError', message: 'C: needed', line: 2, column: 4 }),
    ));
});

describe('argValue', () => {
  const globals = new Map([['G', 'global']]);
  it.each<
    [
      what: string,
      name: string,
      value: string | undefined,
      args: Record<string, string>,
      result: string | undefined,
    ]
  >([
    ['the command line', 'G', 'own', { G: 'given' }, 'given'],
    ['its default', 'G', 'own', {}, 'own'],
    ['its default with variables', 'X', '$E!', {}, 'env!'],
    ['the global scope', 'G', undefined, {}, 'global'],
    ['nothing', 'X', undefined, {}, undefined],
  ])('is %s', (_what, name, value, args, result) => {
    const declaration = value === undefined ? { name } : { name, value };
    const sources = { buildArgs: new Map(Object.entries(args)), globals };
    expect(argValue(declaration, sources, (key) => (key === 'E' ? 'env' : undefined))).toBe(result);
  });
});

describe('proxies', () => {
  it.each([
    ['http_proxy', true],
    ['NO_PROXY', true],
    ['All_Proxy', true],
    ['proxy', false],
  ] as const)('%s: %s', (name, is) => expect(isProxyArg(name)).toBe(is));

  it('are set in both spellings', () =>
    expect([
      ...proxyEnvironment(
        new Map([
          ['HTTP_PROXY', 'x'],
          ['other', 'y'],
        ]),
      ),
    ]).toEqual([
      ['HTTP_PROXY', 'x'],
      ['http_proxy', 'x'],
    ]));
});

describe('unusedBuildArgs', () => {
  it('are those that nothing asks for', () => {
    const file = parseDockerfile('ARG A\nFROM x\nARG B\nONBUILD ARG C');
    const names = ['A', 'B', 'C', 'D', 'http_proxy', 'SOURCE_DATE_EPOCH', 'TARGETARCH'];
    expect(unusedBuildArgs(file, names)).toEqual(['D']);
  });
});

const FILE = `ARG TAG=1
FROM base:$TAG AS build
RUN make
FROM --platform=$BUILDPLATFORM build AS test
RUN --mount=type=bind,from=tools,target=/t --mount=type=bind,from=image,target=/u test
FROM scratch AS tools
FROM tools AS build
FROM scratch
COPY --from=build /a /
COPY --from=0 /b /
COPY --from=docker.io/x /c /`;

function expandedOf(text: string) {
  const dockerfile = parseDockerfile(text);
  return {
    dockerfile,
    expanded: expandStages(dockerfile, globalScope(dockerfile, { platforms, buildArgs: new Map() })),
  };
}

describe('expandStages', () => {
  it('finds what stages are from', () => {
    const bases: Base[] = [
      { kind: 'image', reference: 'base:1' },
      { kind: 'stage', index: 0 },
      { kind: 'scratch' },
      { kind: 'stage', index: 2 },
      { kind: 'scratch' },
    ];
    const { expanded } = expandedOf(FILE.replace('from=tools', 'from=build'));
    expect(expanded.map(({ base }) => base)).toEqual(bases);
    expect(expanded.map(({ platform }) => platform)).toEqual([
      undefined,
      'linux/amd64',
      undefined,
      undefined,
      undefined,
    ]);
  });

  it.each<[text: string, base: Base]>([
    ['FROM a AS Build\nFROM BUILD', { kind: 'stage', index: 0 }],
    ['FROM a AS b\nFROM a AS b\nFROM b', { kind: 'stage', index: 1 }],
    ['FROM b\nFROM a AS b', { kind: 'image', reference: 'a' }],
    ['FROM a AS scratch\nFROM scratch', { kind: 'stage', index: 0 }],
    ['FROM "a"', { kind: 'image', reference: 'a' }],
  ])('%j', (text, base) => expect(expandedOf(text).expanded.at(-1)?.base).toEqual(base));

  it.each<[text: string, message: RegExp, line: number]>([
    ['FROM $X', /the base image is empty once \$X is expanded/, 1],
    ['FROM a\nFROM ${X:?unset}', /X: unset/, 2],
    ['FROM a\nFROM --platform=${X b', /missing '}'/, 2],
  ])('refuses %j', (text, message, line) =>
    expect(() => expandedOf(text)).toThrow(
      expect.objectContaining({ message: expect.stringMatching(message), line }),
    ),
  );
});

describe('resolveSource', () => {
  const dockerfile = parseDockerfile('FROM a AS b\nFROM a AS c\nFROM a AS b\nFROM a AS last');
  const location = { line: 2, endLine: 2 };
  it.each<[from: string, at: number, expected: object]>([
    ['b', 1, { kind: 'stage', index: 0 }],
    ['B', 1, { kind: 'stage', index: 0 }],
    ['b', 3, { kind: 'stage', index: 2 }],
    ['0', 1, { kind: 'stage', index: 0 }],
    ['2', 3, { kind: 'stage', index: 2 }],
    ['image:1', 1, { kind: 'name', name: 'image:1' }],
    ['Image', 1, { kind: 'name', name: 'Image' }],
  ])('%s in stage %d', (from, at, expected) =>
    expect(resolveSource(dockerfile, from, { at, location })).toEqual(expected),
  );

  it.each<[from: string, at: number, message: RegExp]>([
    ['c', 1, /stage "c" cannot take files from itself/],
    ['last', 1, /stage "last" comes later/],
    ['1', 1, /stage 1 cannot take files from itself/],
    ['3', 1, /stage 3 comes later/],
    ['4', 1, /there is no stage 4: the file has 4/],
  ])('refuses %s in stage %d', (from, at, message) => {
    expect(() => resolveSource(dockerfile, from, { at, location })).toThrow(DockerfileError);
    expect(() => resolveSource(dockerfile, from, { at, location })).toThrow(message);
  });
});

describe('findTarget', () => {
  const dockerfile = parseDockerfile('FROM a AS b\nFROM a AS test\nFROM a AS b\nFROM a');
  it.each<[target: string | undefined, index: number]>([
    [undefined, 3],
    ['', 3],
    ['test', 1],
    ['TEST', 1],
    ['b', 2],
  ])('%s', (target, index) => expect(findTarget(dockerfile, target).index).toBe(index));
  it.each<[target: string, message: RegExp]>([
    ['tset', /no stage "tset": did you mean test\?/],
    ['0', /no stage "0": it has b, test, b/],
  ])('refuses %s', (target, message) => expect(() => findTarget(dockerfile, target)).toThrow(message));
});

describe('neededStages', () => {
  it.each<[what: string, text: string, target: number, needed: number[]]>([
    ['a base', 'FROM a AS b\nFROM x\nFROM b', 2, [0, 2]],
    ['a source', 'FROM a AS b\nFROM x\nFROM y\nCOPY --from=b a b', 2, [0, 2]],
    ['a mount', 'FROM a AS b\nFROM x\nFROM y\nRUN --mount=from=b,target=/$X z', 2, [0, 2]],
    ['sources of sources', 'FROM a\nFROM x\nCOPY --from=0 a b\nFROM y\nCOPY --from=1 a b', 2, [0, 1, 2]],
    ['what triggers take', 'FROM a AS s\nFROM x AS b\nONBUILD COPY --from=s a b\nFROM b', 2, [0, 1, 2]],
    ['nothing', 'FROM a\nONBUILD COPY --from=later a b', 0, [0]],
  ])('%s', (_what, text, target, needed) => {
    const { dockerfile, expanded } = expandedOf(text);
    expect(neededStages(dockerfile, expanded, target)).toEqual(needed);
  });
});

describe('words and sources', () => {
  it.each<[text: string, words: string[]]>([
    ['ARG A=$a B', ['$a']],
    ['ENV $k=$v', ['$k', '$v']],
    ['LABEL $k=$v', ['$k', '$v']],
    ['COPY --from=x --chown=$o --chmod=$m --exclude=$e $s <<E $d\n$b\nE', ['$s', '$d', '$o', '$m']],
    ['ADD --checksum=$c $s $d', ['$s', '$d', '$c']],
    ['RUN --mount=target=$t $r', ['target=$t']],
    ['EXPOSE $p', ['$p']],
    ['VOLUME $v', ['$v']],
    ['WORKDIR $w', ['$w']],
    ['USER $u', ['$u']],
    ['STOPSIGNAL $s', ['$s']],
    ['CMD $c', []],
    ['ENTRYPOINT $e', []],
    ['HEALTHCHECK CMD $h', []],
    ['ONBUILD WORKDIR $w', []],
    ['MAINTAINER $m', []],
    ['SHELL ["$s"]', []],
  ])('that are expanded: %s', (text, words) => {
    const [first] = parseDockerfile(`FROM a\n${text}`).stages[0]?.instructions ?? [];
    expect(first && expandableWords(first)).toEqual(words);
  });

  it('that are read from', () => {
    const instructions = parseDockerfile(`${FILE}`).stages.flatMap((stage) => stage.instructions);
    expect(instructions.flatMap(sourcesOf)).toEqual(['tools', 'image', 'build', '0', 'docker.io/x']);
  });
});

describe('targets and outline', () => {
  const text = `# TAG which one
ARG TAG=1
# build makes it
FROM base:$TAG AS build
# FLAVOUR of ice
ARG FLAVOUR=vanilla SIZE
RUN --mount=type=secret,id=key --mount=type=cache,target=/c make
RUN --mount=type=secret,id=key,required --mount=type=ssh make
FROM other AS unused
ARG OTHER
FROM --platform=linux/arm64 scratch
COPY --from=build a b`;

  it('lists stages', () =>
    expect(targets(parseDockerfile(text))).toEqual([
      { name: 'build', description: 'makes it', base: 'base:$TAG', default: false, line: 4 },
      { name: 'unused', base: 'other', default: false, line: 9 },
      { base: 'scratch', platform: 'linux/arm64', default: true, line: 11 },
    ]));

  it('lists what a target takes', () => {
    const { dockerfile, expanded } = expandedOf(text);
    expect(outline(dockerfile, expanded, 2)).toEqual({
      args: [
        { name: 'TAG', description: 'which one', value: '1', line: 2 },
        { name: 'FLAVOUR', description: 'of ice', value: 'vanilla', line: 6 },
        { name: 'SIZE', line: 6 },
      ],
      secrets: [{ name: 'key', required: true, line: 7 }],
      ssh: [{ name: 'default', required: false, line: 8 }],
      caches: [{ id: '/c', line: 7 }],
    });
    expect(outline(dockerfile, expanded, 1)).toMatchObject({
      name: 'unused',
      args: [{ name: 'TAG' }, { name: 'OTHER' }],
    });
  });
});
