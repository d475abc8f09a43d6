// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are words of a Dockerfile
import { describe, expect, it } from 'vitest';
import {
  type AnyInstruction,
  DockerfileError,
  formatDockerfileError,
  parseDockerfile,
  parseTrigger,
} from '../../../src/builder/dockerfile/index.js';

function parsed(text: string): AnyInstruction | undefined {
  if (/^from/i.test(text)) return parseDockerfile(text).stages[0]?.from;
  return parseDockerfile(`FROM a\n${text}`).stages[0]?.instructions[0];
}

const paths = (...names: string[]) => names.map((path) => ({ type: 'path', path }));

describe('instructions', () => {
  it.each<[text: string, expected: object]>([
    ['FROM scratch', { kind: 'from', base: 'scratch' }],
    ['FROM a AS B', { base: 'a', name: 'b', writtenName: 'B', asKeyword: 'AS' }],
    ['from a as b-1_2.c', { original: 'FROM', keyword: 'from', name: 'b-1_2.c', asKeyword: 'as' }],
    ['FROM --platform=linux/arm64 a', { base: 'a', platform: 'linux/arm64', flags: ['platform'] }],
    ['FROM --platform=$BUILDPLATFORM a:${TAG:-1} AS b', { base: 'a:${TAG:-1}', platform: '$BUILDPLATFORM' }],
    ['ARG A', { kind: 'arg', args: [{ name: 'A' }] }],
    ['ARG A=1', { args: [{ name: 'A', value: '1' }] }],
    ['ARG A=', { args: [{ name: 'A', value: '' }] }],
    [
      'ARG A=1 B C="x y"',
      { args: [{ name: 'A', value: '1' }, { name: 'B' }, { name: 'C', value: '"x y"' }] },
    ],
    ['ARG A=a=b', { args: [{ name: 'A', value: 'a=b' }] }],
    ['ENV A=1', { kind: 'env', legacy: false, pairs: [{ key: 'A', value: '1' }] }],
    [
      'ENV A=1 B="x y" C=\'z\' D=a\\ b',
      {
        pairs: [
          { key: 'A', value: '1' },
          { key: 'B', value: '"x y"' },
          { key: 'C', value: "'z'" },
          { key: 'D', value: 'a\\ b' },
        ],
      },
    ],
    ['ENV A=', { pairs: [{ key: 'A', value: '' }] }],
    ['ENV A="x=y"=z', { pairs: [{ key: 'A', value: '"x=y"=z' }] }],
    ['ENV A x y', { legacy: true, pairs: [{ key: 'A', value: 'x y' }] }],
    ['ENV A \t x=y', { legacy: true, pairs: [{ key: 'A', value: 'x=y' }] }],
    ['ENV A=1\\', { pairs: [{ key: 'A', value: '1' }] }],
    [
      'LABEL a.b=c "d e"=f',
      {
        kind: 'label',
        pairs: [
          { key: 'a.b', value: 'c' },
          { key: '"d e"', value: 'f' },
        ],
      },
    ],
    ['LABEL a b c', { legacy: true, pairs: [{ key: 'a', value: 'b c' }] }],
    [
      'RUN a b',
      {
        kind: 'run',
        command: { form: 'shell', text: 'a b', heredocs: [] },
        mounts: [],
        network: 'default',
        security: 'sandbox',
        devices: [],
      },
    ],
    ['RUN ["a", "b c"]', { command: { form: 'exec', arguments: ['a', 'b c'] } }],
    ['RUN []', { command: { form: 'exec', arguments: [] } }],
    ['RUN ["a", ]', { command: { form: 'shell', text: '["a", ]' } }],
    ["RUN ['a']", { command: { form: 'shell', text: "['a']" } }],
    ['RUN ["\\u0061\\n"] ', { command: { form: 'exec', arguments: ['a\n'] } }],
    ['RUN [ -d /x ] || true', { command: { form: 'shell', text: '[ -d /x ] || true' } }],
    ['RUN ["a"] b', { command: { form: 'shell' } }],
    [
      'RUN --network=host --security=insecure x',
      { network: 'host', security: 'insecure', flags: ['network', 'security'] },
    ],
    ['RUN --network=none x', { network: 'none' }],
    [
      'RUN --mount=type=cache,target=/c --mount=type=bind,target=/b x',
      { mounts: ['type=cache,target=/c', 'type=bind,target=/b'] },
    ],
    ['RUN --mount=type=bind,target="/a b" x', { mounts: ['type=bind,target=/a b'] }],
    ['RUN --mount=type=bind,target=/a\\ b x', { mounts: ['type=bind,target=/a b'] }],
    [
      'RUN --device=vendor.com/gpu=all,required --device=x y',
      {
        devices: [
          { name: 'vendor.com/gpu=all', required: true },
          { name: 'x', required: false },
        ],
      },
    ],
    ['RUN -- --x', { command: { form: 'shell', text: '--x' } }],
    ['RUN -x --y', { command: { form: 'shell', text: '-x --y' } }],
    ['CMD a b', { kind: 'cmd', command: { form: 'shell', text: 'a b' } }],
    ['CMD ["a"]', { command: { form: 'exec', arguments: ['a'] } }],
    ['CMD []', { command: { form: 'exec', arguments: [] } }],
    ['ENTRYPOINT ["a"]', { kind: 'entrypoint', command: { form: 'exec', arguments: ['a'] } }],
    ['ENTRYPOINT a', { command: { form: 'shell', text: 'a' } }],
    ['SHELL ["a", "-c"]', { kind: 'shell', arguments: ['a', '-c'] }],
    [
      'COPY a b',
      { kind: 'copy', sources: paths('a'), destination: 'b', link: false, parents: false, exclude: [] },
    ],
    ['COPY a b c/', { sources: paths('a', 'b'), destination: 'c/' }],
    ['COPY ["a b", "c d"]', { sources: paths('a b'), destination: 'c d' }],
    ['COPY "a b" c', { sources: paths('"a', 'b"'), destination: 'c' }],
    ['COPY --from=x --chown=1:2 --chmod=u=rwX,go=rX a b', { from: 'x', chown: '1:2', chmod: 'u=rwX,go=rX' }],
    ['COPY --link --parents a b', { link: true, parents: true }],
    ['COPY --link=false --parents=TRUE a b', { link: false, parents: true }],
    ['COPY --exclude=*.a --exclude=b/** a b', { exclude: ['*.a', 'b/**'] }],
    ['COPY --chmod=$M a b', { chmod: '$M' }],
    ['COPY --from=0 a b', { from: '0' }],
    ['ADD a b', { kind: 'add', sources: paths('a'), destination: 'b', link: false }],
    [
      'ADD --checksum=sha256:x --keep-git-dir --unpack=false --link a b',
      { checksum: 'sha256:x', keepGitDir: true, unpack: false, link: true },
    ],
    ['WORKDIR /a b', { kind: 'workdir', path: '/a b' }],
    ['WORKDIR $X/y', { path: '$X/y' }],
    ['USER a:b', { kind: 'user', user: 'a:b' }],
    ['EXPOSE 90 80/udp $P', { kind: 'expose', ports: ['$P', '80/udp', '90'] }],
    ['VOLUME /a /b', { kind: 'volume', paths: ['/a', '/b'] }],
    ['VOLUME ["/a b"]', { paths: ['/a b'] }],
    ['STOPSIGNAL SIGQUIT', { kind: 'stopsignal', signal: 'SIGQUIT' }],
    ['STOPSIGNAL $S', { signal: '$S' }],
    ['MAINTAINER a <b@c>', { kind: 'maintainer', maintainer: 'a <b@c>' }],
    ['HEALTHCHECK NONE', { kind: 'healthcheck', form: 'none', healthcheck: { Test: ['NONE'] } }],
    ['HEALTHCHECK CMD a b', { form: 'shell', healthcheck: { Test: ['CMD-SHELL', 'a b'] } }],
    ['HEALTHCHECK cmd ["a", "b"]', { form: 'exec', healthcheck: { Test: ['CMD', 'a', 'b'] } }],
    [
      'HEALTHCHECK --interval=5m --timeout=3s --start-period=1ms --start-interval=2s --retries=4 CMD x',
      {
        healthcheck: {
          Test: ['CMD-SHELL', 'x'],
          Interval: 300e9,
          Timeout: 3e9,
          StartPeriod: 1e6,
          StartInterval: 2e9,
          Retries: 4,
        },
      },
    ],
    ['HEALTHCHECK --interval=0s --retries=0 CMD x', { healthcheck: { Test: ['CMD-SHELL', 'x'] } }],
    ['ONBUILD RUN a', { kind: 'onbuild', text: 'RUN a', inner: { kind: 'run', original: 'RUN' } }],
    [
      'ONBUILD copy --from=x a b',
      { text: 'copy --from=x a b', inner: { kind: 'copy', from: 'x', keyword: 'copy' } },
    ],
    ['onbuild   ENV A=1', { original: 'ONBUILD', text: 'ENV A=1', inner: { kind: 'env' } }],
  ])('%s', (text, expected) => expect(parsed(text)).toMatchObject(expected));

  it.each<[text: string, message: RegExp, word: string]>([
    // keywords
    ['COPPY a b', /unknown instruction: COPPY \(did you mean COPY\?\)/, 'COPPY'],
    ['ruN1 a', /unknown instruction: ruN1 \(did you mean RUN\?\)/, 'ruN1'],
    ['XYZZY a', /unknown instruction: XYZZY$/, 'XYZZY'],
    ['constructor a', /unknown instruction: constructor/, 'constructor'],
    // flags
    ['COPY --form=a b c', /unknown flag --form \(did you mean --from\?\)/, '--form=a'],
    ['RUN --mout=a b', /unknown flag --mout \(did you mean --mount\?\)/, '--mout=a'],
    ['ENV --x a=b', /unknown flag --x; there are none here/, '--x'],
    ['COPY --from=a --from=b c d', /flag --from is given twice/, '--from=b'],
    ['COPY --from a b', /flag --from needs a value/, '--from'],
    ['COPY --link= a b', /flag --link is true or false, not ""/, '--link='],
    ['COPY --link=yes a b', /flag --link is true or false, not "yes"/, '--link=yes'],
    ['COPY --toString a b', /unknown flag --toString/, '--toString'],
    // FROM
    ['FROM', /FROM needs an image/, 'FROM'],
    ['FROM a b', /an image AS a name/, 'b'],
    ['FROM a AS', /an image AS a name/, 'AS'],
    ['FROM a AS b c', /an image AS a name/, 'c'],
    ['FROM a AS 1b', /invalid name of a stage: "1b"/, '1b'],
    ['FROM a AS b$', /invalid name of a stage/, 'b$'],
    // name=value
    ['ARG', /ARG needs a name/, 'ARG'],
    ['ARG =x', /needs a name in front of =/, '=x'],
    ['ENV', /ENV needs name=value/, 'ENV'],
    ['ENV A', /ENV needs a value: A=/, 'A'],
    ['ENV A=1 B', /can't find = in "B"/, 'B'],
    ['ENV =1', /needs a name in front of =/, '=1'],
    ['LABEL a', /LABEL needs a value/, 'a'],
    // commands
    ['RUN', /RUN needs a command/, 'RUN'],
    ['RUN ["a", 1]', /strings only/, '['],
    ['CMD ["a", null]', /strings only/, '['],
    ['COPY ["a", ["b"]]', /strings only/, '['],
    ['SHELL a b', /SHELL takes an array of JSON/, ' '],
    ['SHELL []', /SHELL takes an array of JSON/, ' '],
    ['SHELL', /SHELL needs a shell/, 'SHELL'],
    ['RUN --network=bridge x', /--network is default, none, host, not "bridge"/, '--network=bridge'],
    ['RUN --security=insecur x', /did you mean insecure/, '--security=insecur'],
    ['RUN --mount=type=bond x', /unsupported mount type "bond" \(did you mean bind\?\)/, '--mount=type=bond'],
    ['RUN --mount=target=/a,from=$X x', /variables are not expanded in from=/, '--mount=target=/a,from=$X'],
    ['RUN --mount=target=/ x', /nothing can be mounted at \//, '--mount=target=/'],
    ['RUN --device=,x y', /--device needs a name/, '--device=,x'],
    // COPY and ADD
    ['COPY', /COPY needs a source and a destination/, 'COPY'],
    ['COPY a', /COPY needs a destination/, 'a'],
    ['ADD ["a"]', /ADD needs a destination/, '['],
    ['COPY --from=$X a b', /variables are not expanded in --from/, '--from=$X'],
    ['COPY --chmod=999 a b', /invalid --chmod "999"/, '--chmod=999'],
    ['ADD --from=a b c', /unknown flag --from/, '--from=a'],
    ['COPY --checksum=a b c', /unknown flag --checksum/, '--checksum=a'],
    // the others
    ['WORKDIR', /WORKDIR needs a path/, 'WORKDIR'],
    ['USER', /USER needs a user/, 'USER'],
    ['EXPOSE', /EXPOSE needs a port/, 'EXPOSE'],
    ['VOLUME', /VOLUME needs a path/, 'VOLUME'],
    ['VOLUME [""]', /path that is not empty/, ' '],
    ['VOLUME []', /path that is not empty/, ' '],
    ['STOPSIGNAL', /STOPSIGNAL needs a signal/, 'STOPSIGNAL'],
    ['STOPSIGNAL SIGNOPE', /unknown signal "SIGNOPE"/, 'SIGNOPE'],
    ['MAINTAINER', /MAINTAINER needs a name/, 'MAINTAINER'],
    ['HEALTHCHECK', /HEALTHCHECK needs CMD/, 'HEALTHCHECK'],
    ['HEALTHCHECK NONE x', /NONE takes no arguments/, 'x'],
    ['HEALTHCHECK CMD', /CMD needs a command/, 'HEALTHCHECK'],
    ['HEALTHCHECK CMD []', /CMD needs a command/, 'HEALTHCHECK'],
    ['HEALTHCHECK curl x', /is CMD or NONE, not "curl"/, 'curl'],
    ['HEALTHCHECK --interval=1x CMD a', /--interval: unknown unit "x"/, '--interval=1x'],
    ['HEALTHCHECK --interval=1us CMD a', /0 or at least 1ms/, '--interval=1us'],
    ['HEALTHCHECK --timeout=-1s CMD a', /0 or at least 1ms/, '--timeout=-1s'],
    ['HEALTHCHECK --retries=-1 CMD a', /not negative/, '--retries=-1'],
    ['HEALTHCHECK --retries=x CMD a', /not negative/, '--retries=x'],
    ['ONBUILD', /ONBUILD needs an instruction/, 'ONBUILD'],
    ['ONBUILD ONBUILD RUN a', /cannot hold ONBUILD/, 'ONBUILD'],
    ['ONBUILD FROM a', /cannot hold FROM/, 'FROM'],
    ['ONBUILD MAINTAINER a', /cannot hold MAINTAINER/, 'MAINTAINER'],
    ['ONBUILD COPPY a b', /unknown instruction: COPPY/, 'COPPY'],
    ['ONBUILD COPY a', /COPY needs a destination/, 'a'],
  ])('%s is refused', (text, message, word) => {
    const error = errorOf(/^from/i.test(text) ? text : `FROM a\n${text}`);
    expect(error.message).toMatch(message);
    const shown = error.sourceLine.slice(error.column - 1, error.column - 1 + error.length);
    if (word.trim() !== '') expect(shown).toBe(word);
    expect(error.column).toBeGreaterThan(0);
  });
});

function errorOf(text: string): DockerfileError {
  try {
    parseDockerfile(text, { name: 'app/Dockerfile' });
  } catch (error) {
    if (error instanceof DockerfileError) return error;
    throw error;
  }
  throw new Error('no error');
}

describe('formatDockerfileError', () => {
  it('shows place, lines and a caret', () => {
    const text = 'FROM a\n\nRUN b && \\\n    c\nCOPY \\\n  # from\n  --form=x a b\n';
    expect(formatDockerfileError(errorOf(text))).toBe(
      [
        'app/Dockerfile:7:3: unknown flag --form (did you mean --from?)',
        ' 5 | COPY \\',
        ' 6 |   # from',
        ' 7 |   --form=x a b',
        '   |   ^^^^^^^^',
      ].join('\n'),
    );
  });

  it('keeps tabs under tabs', () =>
    expect(formatDockerfileError(errorOf('FROM a\n\tRUNN x')).split('\n').slice(-2)).toEqual([
      ' 2 | \tRUNN x',
      '   | \t^^^^',
    ]));

  it('shows no control characters', () =>
    expect(formatDockerfileError(errorOf('FROM a\nRUNN \u001b[2J'))).not.toContain('\u001b'));

  it('cuts long lines', () =>
    expect(formatDockerfileError(errorOf(`FROM a\nRUNN ${'x'.repeat(1000)}`)).length).toBeLessThan(500));

  it('says which lines an error spans', () =>
    expect(errorOf('FROM a\nCOPY \\\n a')).toMatchObject({
      line: 3,
      endLine: 3,
      column: 2,
      file: 'app/Dockerfile',
    }));
});

describe('parseTrigger', () => {
  it.each([
    ['RUN a', { kind: 'run' }],
    ['copy a b', { kind: 'copy' }],
    ['RUN a \\\n b', { kind: 'run', command: { text: 'a  b' } }],
  ])('reads %j', (text, expected) => expect(parseTrigger(text)).toMatchObject(expected));

  it.each(['', 'FROM a', 'ONBUILD RUN a', 'MAINTAINER a', 'RUN a\nRUN b', 'NOPE'])('refuses %j', (text) =>
    expect(() => parseTrigger(text)).toThrow(DockerfileError),
  );
});
