import { describe, expect, it } from 'vitest';
import { type Dockerfile, DockerfileError, parseDockerfile } from '../../../src/builder/dockerfile/index.js';

/** Instructions of the first stage, as they read once joined. */
function sources(text: string): string[] {
  return parseDockerfile(text).stages.flatMap(({ instructions }) => instructions.map(({ source }) => source));
}

function errorOf(text: string): DockerfileError {
  try {
    parseDockerfile(text);
  } catch (error) {
    if (error instanceof DockerfileError) return error;
    throw error;
  }
  throw new Error('no error');
}

describe('lines', () => {
  it.each<[what: string, text: string, result: string[]]>([
    ['a byte order mark', '\uFEFFFROM a\nRUN b', ['RUN b']],
    ['carriage returns', 'FROM a\r\nRUN b \\\r\n c\r\n', ['RUN b  c']],
    ['no line feed at the end', 'FROM a\nRUN b', ['RUN b']],
    ['indented instructions', '  FROM a\n\tRUN b', ['RUN b']],
    ['any case', 'from a\nRun b\nrUN c', ['Run b', 'rUN c']],
    ['blank lines', '\n\nFROM a\n\n\nRUN b\n\n', ['RUN b']],
    ['comments', '# x\nFROM a\n  # y\nRUN b\n#z', ['RUN b']],
    ['# later in a line', 'FROM a\nRUN b # c', ['RUN b # c']],
    ['a continuation', 'FROM a\nRUN b \\\n c', ['RUN b  c']],
    ['a continuation that joins words', 'FROM a\nRUN b\\\nc', ['RUN bc']],
    ['blanks behind the escape', 'FROM a\nRUN b \\ \t \n c', ['RUN b  c']],
    ['an escape that is escaped', 'FROM a\nRUN b \\\\\nRUN c', ['RUN b \\\\', 'RUN c']],
    ['a lone escape', 'FROM a\nRUN b \\\n\\\nc', ['RUN b c']],
    ['a lone escape first', 'FROM a\n\\\nRUN b', ['RUN b']],
    ['comments inside', 'FROM a\nRUN b \\\n# x\n  # y \\\n c', ['RUN b  c']],
    ['blank lines inside', 'FROM a\nRUN b \\\n\n   \n c', ['RUN b  c']],
    ['a continuation at the end', 'FROM a\nRUN b \\', ['RUN b']],
    ['a comment at the end of one', 'FROM a\nRUN b \\\n# x', ['RUN b']],
    ['a comment that seems to continue', 'FROM a\n# x \\\nRUN b', ['RUN b']],
    ['a keyword that continues', 'FROM a\nRU\\\nN b', ['RUN b']],
    ['vertical tabs between words', 'FROM a\nRUN\vb', ['RUN\vb']],
  ])('has %s', (_what, text, result) => expect(sources(text)).toEqual(result));

  it('counts lines of continuations, comments and heredocs', () => {
    const [stage] = parseDockerfile('FROM a\n\nRUN b \\\n # c\n d\nCOPY <<E /\nx\nE\nUSER u').stages;
    expect(stage?.instructions.map(({ location }) => location)).toEqual([
      { line: 3, endLine: 5 },
      { line: 6, endLine: 8 },
      { line: 9, endLine: 9 },
    ]);
    expect(stage?.location).toEqual({ line: 1, endLine: 9 });
  });

  it('warns of blank lines inside', () =>
    expect(parseDockerfile('FROM a\nRUN b \\\n\n c').warnings).toEqual([
      expect.objectContaining({ rule: 'NoEmptyContinuation', message: 'Empty continuation line', line: 4 }),
    ]));

  it('does not warn of comments inside', () =>
    expect(parseDockerfile('FROM a\nRUN b \\\n#\n c').warnings).toEqual([]));

  it.each<[what: string, text: string, message: RegExp, line: number]>([
    ['an empty file', '', /the file is empty/, 1],
    ['a blank file', ' \n\n', /the file is empty/, 1],
    ['only comments', '# a\n# b', /file with no instructions/, 1],
    ['no FROM', 'ARG a\nARG b', /the file has no FROM/, 2],
    ['an instruction before FROM', 'ARG a\nRUN b\nFROM c', /RUN before the first FROM/, 2],
    ['a line that is too long', `FROM a\nRUN ${'x'.repeat(65_532)}`, /longer than 65535 bytes/, 2],
    ['a long line of other letters', `FROM a\nRUN ${'ü'.repeat(32_766)}`, /longer than 65535 bytes/, 2],
  ])('refuses %s', (_what, text, message, line) =>
    expect(errorOf(text)).toMatchObject({ message: expect.stringMatching(message), line }),
  );

  it('takes the longest line there may be', () =>
    expect(sources(`FROM a\nRUN ${'x'.repeat(65_531)}`)[0]).toHaveLength(65_535));
});

describe('parser directives', () => {
  it.each<[text: string, expected: Partial<Dockerfile>]>([
    ['FROM a', { escape: '\\', directives: {} }],
    ['# escape=`\nFROM a', { escape: '`', directives: { escape: '`' } }],
    ['#escape=\\\nFROM a', { escape: '\\' }],
    ['# ESCAPE = `\nFROM a', { escape: '`' }],
    ['  #  escape=`\nFROM a', { escape: '`' }],
    ['\uFEFF# escape=`\nFROM a', { escape: '`' }],
    ['# escape=`\r\nFROM a', { escape: '`' }],
    [
      '# syntax=docker/dockerfile:1\n# escape=`\nFROM a',
      { escape: '`', directives: { syntax: 'docker/dockerfile:1', escape: '`' } },
    ],
    ['# a comment\n# escape=`\nFROM a', { escape: '\\', directives: {} }],
    ['\n# escape=`\nFROM a', { escape: '\\' }],
    ['# unknown=x\n# escape=`\nFROM a', { escape: '\\' }],
    ['FROM a\n# escape=`', { escape: '\\' }],
    ['#!/usr/bin/env x\n# syntax=y\nFROM a', { directives: { syntax: 'y' } }],
    ['// syntax=y\nFROM a', { directives: { syntax: 'y' } }],
    ['# check=skip=A, B\nFROM a', { checkOptions: { skip: ['A', 'B'], experimental: [], error: false } }],
    ['# check=skip=all;error=true\nFROM a', { checkOptions: { skip: 'all', experimental: [], error: true } }],
    [
      '# check=error=false;experimental=all\nFROM a',
      { checkOptions: { skip: [], experimental: 'all', error: false } },
    ],
    ['# check=experimental=X\nFROM a', { checkOptions: { skip: [], experimental: ['X'], error: false } }],
  ])('%j', (text, expected) => expect(parseDockerfile(text)).toMatchObject(expected));

  it.each<[text: string, message: RegExp, line: number]>([
    ['# escape=x\nFROM a', /invalid escape character "x"/, 1],
    ['# escape=``\nFROM a', /invalid escape character/, 1],
    ['# escape=`\n# escape=`\nFROM a', /only one escape parser directive/, 2],
    ['# syntax=a\n# Syntax=b\nFROM a', /only one syntax parser directive/, 2],
    ['# syntax=a\n# check=nonsense\nFROM a', /invalid check option "nonsense"/, 2],
    ['# check=other=1\nFROM a', /unknown check option "other"/, 1],
    ['# check=error=perhaps\nFROM a', /true or false/, 1],
  ])('refuses %j', (text, message, line) =>
    expect(errorOf(text)).toMatchObject({ message: expect.stringMatching(message), line }),
  );

  it('changes what continues a line', () => {
    expect(sources('# escape=`\nFROM a\nRUN b `\n c\nRUN dir C:\\\nRUN e ``')).toEqual([
      'RUN b  c',
      'RUN dir C:\\',
      'RUN e ``',
    ]);
  });
});

describe('comments', () => {
  it('belong to the instruction right below', () => {
    const text = '# one\n# two\nFROM a AS b\n# three\n\nRUN c\n# four\n#\n# five\nRUN d';
    const [stage] = parseDockerfile(text).stages;
    expect(stage?.from.comments).toEqual(['one', 'two']);
    expect(stage?.instructions.map(({ comments }) => comments)).toEqual([[], ['five']]);
  });

  it.each<[text: string, comment: string | undefined]>([
    ['# b the builder\nFROM a AS b', 'the builder'],
    ['# b\nFROM a AS b', undefined],
    ['# c other\nFROM a AS b', undefined],
    ['# x\n# b the builder\nFROM a AS b', 'the builder'],
    ['# b the builder\n\nFROM a AS b', undefined],
    ['# b the builder\n#\nFROM a AS b', undefined],
    ['# b the builder\nFROM a AS B', 'the builder'],
    ['# syntax=x\n# b the builder\nFROM a AS b', 'the builder'],
  ])('describe stages: %j', (text, comment) =>
    expect(parseDockerfile(text).stages[0]?.comment).toBe(comment),
  );

  it('describe arguments', () => {
    const [args] = parseDockerfile('# B of b\n# A of a\nARG A=1 B C\nFROM a').globalArgs;
    expect(args?.args).toEqual([
      { name: 'A', value: '1', comment: 'of a' },
      { name: 'B', comment: 'of b' },
      { name: 'C' },
    ]);
  });
});
