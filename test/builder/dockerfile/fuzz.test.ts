import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  check,
  DockerfileError,
  ExpansionError,
  expand,
  expandWords,
  formatDockerfileError,
  IgnoreRules,
  IgnoreRulesError,
  MountError,
  parseDockerfile,
  parseMount,
  printTree,
} from '../../../src/builder/dockerfile/index.js';
import { cpuTimeOf } from '../../support/cpu-time.js';

const PIECES = [
  ...'FROM RUN COPY ADD ENV ARG LABEL CMD ENTRYPOINT SHELL ONBUILD HEALTHCHECK EXPOSE VOLUME USER WORKDIR STOPSIGNAL'.split(
    ' ',
  ),
  ...[
    'MAINTAINER',
    'from',
    'scratch',
    'AS',
    'a',
    'b=c',
    '=',
    '"',
    "'",
    '\\',
    '`',
    '\n',
    '\\\n',
    '\r\n',
    '#',
    '# escape=`\n',
  ],
  ...[
    '# check=skip=all\n',
    '[',
    ']',
    '["a"]',
    '["a", 1]',
    '<<',
    '<<EOF',
    '<<-"E"',
    '\nEOF\n',
    '\nE\n',
    '--',
    '--from=a',
    '--x',
  ],
  ...[
    '--mount=',
    'type=cache,',
    'target=/x',
    '--chmod=',
    '--interval=',
    '$',
    '${',
    '}',
    ':-',
    '##',
    '//',
    '*',
    '\t',
    ' ',
    '80',
    'é',
    '😀',
    '\uFEFF',
    '\0',
  ],
];

const dockerfile = fc
  .array(fc.constantFrom(...PIECES), { maxLength: 60 })
  .chain((pieces) => fc.constantFrom('', ' ').map((separator) => pieces.join(separator)));
const platform = { os: 'linux', architecture: 'amd64' };

/** The error classes that an action may throw, and no other. */
function only<T>(action: () => T, ...classes: (abstract new (...args: never[]) => Error)[]): T | undefined {
  try {
    return action();
  } catch (error) {
    if (classes.some((known) => error instanceof known)) return undefined;
    throw error;
  }
}

function readWhole(text: string): void {
  try {
    const parsed = parseDockerfile(text);
    printTree(parsed);
    check(parsed, { platforms: { build: platform, target: platform } });
  } catch (error) {
    if (!(error instanceof DockerfileError)) throw error;
    expect(formatDockerfileError(error)).toContain(error.message);
    expect(error.line).toBeGreaterThan(0);
  }
}

describe('any text', () => {
  it.each([
    { what: 'of words', text: dockerfile },
    { what: 'of words, in a stage', text: dockerfile.map((text) => `FROM a\n${text}`) },
    { what: 'of anything', text: fc.string({ unit: 'binary' }) },
  ])('is a Dockerfile or a DockerfileError: $what', ({ text }) => {
    fc.assert(fc.property(text, readWhole), { numRuns: 1000 });
  });

  it('expands or is an ExpansionError', () => {
    const word = fc.array(fc.constantFrom(...PIECES), { maxLength: 20 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(word, fc.string(), (text, value) => {
        const lookup = (name: string) => (name === 'a' ? value : undefined);
        const once = only(() => expand(text, lookup), ExpansionError);
        const words = only(() => expandWords(text, lookup), ExpansionError);
        expect(words === undefined).toBe(once === undefined);
        only(
          () => expand(text, lookup, { quotes: 'keep', keepEscapes: true, keepUnset: true }),
          ExpansionError,
        );
        only(() => parseMount(text), MountError);
      }),
      { numRuns: 3000 },
    );
  });

  it('is a set of rules or an IgnoreRulesError', () => {
    const pattern = fc
      .array(fc.constantFrom('*', '**', '?', '/', 'a', 'b', '[', ']', '^', '-', '!', '\\', '.', '\n', '#'), {
        maxLength: 15,
      })
      .map((pieces) => pieces.join(''));
    const path = fc
      .array(fc.constantFrom('a', 'b', '/', '.', '*'), { minLength: 1, maxLength: 10 })
      .map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(pattern, path, (text, name) => {
        const rules = only(() => IgnoreRules.parse(text), IgnoreRulesError);
        if (rules === undefined || rules.ignores(name)) return;
        // Whoever looks for what is kept gets there.
        for (const { index } of name.matchAll(/(?<=[^/])\/(?=[^/])/g))
          expect(!rules.ignores(name.slice(0, index)) || rules.mayContainKept(name.slice(0, index))).toBe(
            true,
          );
      }),
      { numRuns: 3000 },
    );
  });
});

describe('large files', () => {
  const MANY = 20_000;
  it.each<[what: string, text: string]>([
    ['instructions', `FROM a\n${'RUN x\n'.repeat(MANY)}`],
    ['continuations', `FROM a\nRUN x ${'\\\n y '.repeat(MANY)}`],
    ['blank continuations', `FROM a\nRUN x \\\n${'\n'.repeat(MANY)} y`],
    ['comments', `FROM a\n${'# x\n'.repeat(MANY)}RUN y`],
    ['lines in a heredoc', `FROM a\nRUN <<E\n${'x\n'.repeat(MANY)}E`],
    ['heredocs', `FROM a\nCOPY ${'<<E '.repeat(5000)} /\n${'E\n'.repeat(5000)}`],
    ['quotes', `FROM a\nENV ${'a="b" '.repeat(8000)}`],
    ['open quotes', `FROM a\nENV a=${'"\''.repeat(20_000)}`],
    ['brackets', `FROM a\nRUN ${'['.repeat(50_000)}`],
    ['escapes', `FROM a\nRUN ${'\\'.repeat(50_000)}`],
    ['blanks', `FROM a\nRUN x${' '.repeat(60_000)}y`],
    ['blanks in a directive', `# escape=x${' '.repeat(60_000)}y`],
    ['flags', `FROM a\nRUN ${'--mount=type=cache,target=/x '.repeat(2000)} y`],
    ['words', `FROM a\nCOPY ${'a '.repeat(30_000)}`],
    ['redirections', `FROM a\nRUN ${'<'.repeat(60_000)}`],
    ['stages', 'FROM a AS b\n'.repeat(5000)],
    ['dollars', `FROM a\nENV a=${'$'.repeat(60_000)}`],
    ['nested variables', `FROM a\nENV a=${'${a:-'.repeat(12_000)}`],
  ])('take no long time: many %s', (_what, text) => {
    const time = cpuTimeOf(() => {
      readWhole(text);
    });
    expect(time).toBeLessThan(4000);
  });
});
