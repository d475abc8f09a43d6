import { describe, expect, it } from 'vitest';
import { LateCommand } from '../../src/cli/late-command.js';
import { createProgram } from '../../src/cli/program.js';

/** What the options of a command are after parsing, and what was no option. */
function parse(words: readonly string[], args: readonly string[]) {
  const program = createProgram(words);
  let command: LateCommand = program;
  for (const word of words) {
    const found = command.commands.find((each) => each.name() === word);
    if (!(found instanceof LateCommand)) throw new Error(`there is no command ${word}`);
    command = found;
  }
  command.exitOverride().configureOutput({ writeErr: () => {} });
  const { operands, unknown } = command.parseOptions([...args]);
  return { ...command.opts(), operands, unknown };
}

describe('a flag with a value', () => {
  it.each([
    { args: ['--push=true', '.'], is: { push: true, operands: ['.'] } },
    { args: ['--push=false', '.'], is: { push: false, operands: ['.'] } },
    { args: ['--push', '--push=F'], is: { push: false } },
    { args: ['--push=0', '--push'], is: { push: true } },
    { args: ['-q=1'], is: { quiet: true } },
    { args: ['-q=false'], is: { quiet: false } },
    { args: ['--no-cache=0'], is: { cache: true } },
    { args: ['--no-cache=true'], is: { cache: false } },
    { args: ['--no-cache', '--no-cache=false'], is: { cache: true } },
    { args: ['--rm=true', '--load=TRUE'], is: { rm: true, load: true } },
    { args: ['--label', 'a=true', '--push=true'], is: { label: ['a=true'], push: true } },
    { args: ['--', '--push=true'], is: { operands: ['--push=true'] } },
  ])('build $args', ({ args, is }) => expect(parse(['build'], args)).toMatchObject(is));

  it('may have an opposite', () => {
    expect(parse(['push'], ['--referrers=false'])).toMatchObject({ referrers: false });
    expect(parse(['push'], ['--no-referrers=false'])).toMatchObject({ referrers: true });
  });

  it('serves wherever there are flags', () => {
    expect(parse(['image', 'ls'], ['--all=true', '-q=true'])).toMatchObject({ all: true, quiet: true });
    expect(parse(['uploads', 'purge'], ['--dry-run=false'])).toMatchObject({ dryRun: false });
  });

  it.each([
    { words: ['run'], args: ['--sig-proxy=false', 'image'], is: { sigProxy: false, operands: ['image'] } },
    { words: ['attach'], args: ['--sig-proxy=true'], is: { sigProxy: true } },
    { words: ['start'], args: ['--no-sig-proxy', '--sig-proxy'], is: { sigProxy: true } },
    { words: ['start'], args: ['--sig-proxy', '--sig-proxy=false'], is: { sigProxy: false } },
    { words: ['attach'], args: ['--stdin=F'], is: { stdin: false } },
    { words: ['ps'], args: ['--trunc=false'], is: { trunc: false } },
  ])('of which only the opposite is listed: $words $args', ({ words, args, is }) =>
    expect(parse(words, args)).toMatchObject(is),
  );

  it('is none where the opposite is one, and this takes any value', () =>
    expect(parse(['pull'], ['--creds=a:1', '--no-creds=false'])).toMatchObject({ creds: 'a:1' }));

  it.each([
    { args: ['-it=false', 'image'], is: { interactive: true, tty: false, operands: ['image'] } },
    { args: ['-ie=true', 'image'], is: { interactive: true, env: ['=true'], operands: ['image'] } },
    { args: ['-e', '--rm=true', 'image'], is: { env: ['--rm=true'], operands: ['image'] } },
    { args: ['--name', '--sig-proxy', 'image'], is: { name: '--sig-proxy', operands: ['image'] } },
  ])('run $args', ({ args, is }) => expect(parse(['run'], args)).toMatchObject(is));

  it('is true or false', () =>
    expect(() => parse(['build'], ['--push=yes'])).toThrow("option '--push' is true or false, not 'yes'"));
});
