// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are words of a Dockerfile
import { describe, expect, it } from 'vitest';
import {
  type Command,
  DockerfileError,
  expandHeredoc,
  heredocText,
  type Instruction,
  parseDockerfile,
  parseTrigger,
  runArguments,
} from '../../../src/builder/dockerfile/index.js';

function instructions(text: string): readonly Instruction[] {
  return parseDockerfile(`FROM a\n${text}`).stages[0]?.instructions ?? [];
}

function commandOf(text: string): Command {
  const [first] = instructions(text);
  if (first?.kind !== 'run') throw new Error('no RUN');
  return first.command;
}

const plain = { expand: true, stripTabs: false, fileDescriptor: 0 };

describe('heredocs of RUN', () => {
  it.each<[what: string, text: string, command: unknown]>([
    [
      'alone',
      'RUN <<EOF\none\ntwo\nEOF',
      { form: 'script', heredoc: { name: 'EOF', ...plain, content: 'one\ntwo\n' } },
    ],
    ['empty', 'RUN <<EOF\nEOF', { form: 'script', heredoc: { name: 'EOF', ...plain, content: '' } }],
    [
      'in quotes',
      "RUN <<'EOF'\nx\nEOF",
      { form: 'script', heredoc: { name: 'EOF', ...plain, expand: false, content: 'x\n' } },
    ],
    ['in double quotes', 'RUN <<"EOF"\nx\nEOF', { form: 'script', heredoc: { name: 'EOF', expand: false } }],
    ['partly in quotes', 'RUN <<E"O"F\nx\nEOF', { form: 'script', heredoc: { name: 'EOF', expand: false } }],
    ['escaped', 'RUN <<\\EOF\nx\nEOF', { form: 'script', heredoc: { name: 'EOF', expand: false } }],
    [
      'with tabs',
      'RUN <<-EOF\n\tx\n\tEOF',
      { form: 'script', heredoc: { name: 'EOF', stripTabs: true, content: '\tx\n' } },
    ],
    [
      'with a descriptor',
      'RUN 3<<EOF\nx\nEOF',
      { form: 'script', heredoc: { name: 'EOF', fileDescriptor: 3 } },
    ],
    ['with a flag', 'RUN --network=none <<EOF\nx\nEOF', { form: 'script', heredoc: { content: 'x\n' } }],
    [
      'with comments and escapes',
      'RUN <<EOF\n# x\ny \\\n\nEOF',
      { form: 'script', heredoc: { content: '# x\ny \\\n\n' } },
    ],
    [
      'for a program',
      'RUN cat <<EOF\nx\nEOF',
      { form: 'shell', text: 'cat <<EOF', heredocs: [{ name: 'EOF', content: 'x\n' }] },
    ],
    [
      'more than one',
      'RUN cat <<A <<B\n1\nA\n2\nB',
      {
        form: 'shell',
        heredocs: [
          { name: 'A', content: '1\n' },
          { name: 'B', content: '2\n' },
        ],
      },
    ],
    [
      'behind a continuation',
      'RUN cat \\\n <<EOF\nx\nEOF',
      { form: 'shell', heredocs: [{ content: 'x\n' }] },
    ],
    [
      'a terminator with blanks is none',
      'RUN <<EOF\nEOF \n EOF\nEOF',
      { form: 'script', heredoc: { content: 'EOF \n EOF\n' } },
    ],
    [
      'carriage returns stay',
      'RUN <<EOF\r\nx\r\nEOF\r\n',
      { form: 'script', heredoc: { name: 'EOF', content: 'x\r\n' } },
    ],
  ])('%s', (_what, text, command) => expect(commandOf(text)).toMatchObject(command as object));

  it.each([
    'RUN cat <<<EOF',
    'RUN echo "<<EOF"',
    'RUN echo $((1<<2))',
    'RUN ["cat", "<<EOF"]',
    "RUN echo don't <<EOF",
    'RUN x <<',
    'CMD cat <<EOF',
  ])('are not in %s', (text) => expect(instructions(`${text}\nUSER u`)).toHaveLength(2));

  it.each<[text: string, result: unknown]>([
    ['RUN <<EOF\necho 1\nEOF', { arguments: ['/bin/sh', '-c', 'echo 1\n'] }],
    ['RUN <<-EOF\n\techo 1\n\t\tEOF', { arguments: ['/bin/sh', '-c', 'echo 1\n'] }],
    [
      'RUN <<EOF\n#!/bin/env x\ny\nEOF',
      { arguments: ['/dev/pipes/EOF'], script: { path: '/dev/pipes/EOF', content: '#!/bin/env x\ny\n' } },
    ],
    ['RUN cat <<A <<-B\n1\nA\n\t2\nB', { arguments: ['/bin/sh', '-c', 'cat <<A <<-B\n1\nA\n\t2\nB'] }],
    ['RUN echo $X', { arguments: ['/bin/sh', '-c', 'echo $X'] }],
    ['RUN ["a", "b"]', { arguments: ['a', 'b'] }],
  ])('become arguments: %j', (text, result) =>
    expect(runArguments(commandOf(text), ['/bin/sh', '-c'])).toEqual(result),
  );
});

describe('heredocs of COPY and ADD', () => {
  it('are files among the sources', () => {
    const [copy] = instructions('COPY <<a.txt b <<"c" /to/\n$X\na.txt\n$Y\nc');
    expect(copy).toMatchObject({
      kind: 'copy',
      sources: [
        { type: 'heredoc', heredoc: { name: 'a.txt', expand: true, content: '$X\n' } },
        { type: 'path', path: 'b' },
        { type: 'heredoc', heredoc: { name: 'c', expand: false, content: '$Y\n' } },
      ],
      destination: '/to/',
    });
  });

  it('lose their tabs if they want to', () => {
    const [add] = instructions('ADD <<-E /x\n\t\ta\n\tb\tc\n\n\tE');
    const source = add?.kind === 'add' ? add.sources[0] : undefined;
    expect(source?.type === 'heredoc' && heredocText(source.heredoc)).toBe('a\nb\tc\n\n');
  });

  it.each<[text: string, content: string]>([
    ['COPY <<E /x\n$A "$A" \'$A\'\nE', 'a "a" \'a\'\n'],
    ['COPY <<"E" /x\n$A\nE', '$A\n'],
    ['COPY <<E /x\n\\$A \\\\ ${B:-b}\nE', '$A \\ b\n'],
    ['COPY <<-E /x\n\t$A\nE', 'a\n'],
  ])('have variables: %j', (text, content) => {
    const [copy] = instructions(text);
    const source = copy?.kind === 'copy' ? copy.sources[0] : undefined;
    if (source?.type !== 'heredoc') throw new Error('no heredoc');
    expect(expandHeredoc(source.heredoc, (name) => (name === 'A' ? 'a' : undefined))).toBe(content);
  });

  it.each<[what: string, text: string, message: RegExp]>([
    ['a destination', 'COPY a <<E\nE', /cannot be the destination of COPY/],
    ['one that is not finished', 'COPY <<E /a\nx', /no line is "E" alone/],
    ['one of RUN that is not finished', 'RUN <<E\nx\nEE', /no line is "E" alone/],
  ])('refuse %s', (_what, text, message) => {
    expect(() => instructions(text)).toThrow(DockerfileError);
    expect(() => instructions(text)).toThrow(message);
  });
});

describe('heredocs of ONBUILD', () => {
  it('are kept with their bodies', () => {
    const [onbuild] = instructions('ONBUILD RUN cat <<E\nx\nE\nUSER u');
    expect(onbuild).toMatchObject({ kind: 'onbuild', text: 'RUN cat <<E\nx\nE', inner: { kind: 'run' } });
    if (onbuild?.kind !== 'onbuild') throw new Error('no ONBUILD');
    expect(parseTrigger(onbuild.text)).toMatchObject({
      kind: 'run',
      command: { heredocs: [{ content: 'x\n' }] },
    });
  });
});
