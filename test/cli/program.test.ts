import type { Command } from 'commander';
import { describe, expect, it, vi } from 'vitest';
import type { LateCommand } from '../../src/cli/late-command.js';
import { createProgram } from '../../src/cli/program.js';

/** The words that call each command, and what its help then says. */
function helpOfAll(command: Command, path: readonly string[] = []): [path: string[], help: string][] {
  const inner = command.commands.flatMap((each) => helpOfAll(each, [...path, each.name()]));
  return [[[...path], helpOf(command)], ...inner];
}

function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({
    writeOut: (more) => {
      text += more;
    },
  });
  command.outputHelp();
  return text;
}

function commandAt(program: Command, [name, ...rest]: readonly string[]): Command {
  if (name === undefined) return program;
  const command = program.commands.find((each) => each.name() === name || each.aliases().includes(name));
  if (command === undefined) throw new Error(`there is no command ${name}`);
  return commandAt(command, rest);
}

function completeProgram(): LateCommand {
  const program = createProgram([]);
  program.completeAll();
  return program;
}

describe('createProgram', () => {
  it.each(helpOfAll(completeProgram()))('knows all of %j when it is called', (path, help) => {
    expect(helpOf(commandAt(createProgram(path), path))).toBe(help);
  });
  it.each([
    { args: ['--debug', 'build', '.'], called: ['build'] },
    { args: ['help', 'build'], called: ['build'] },
    { args: ['tags', 'a'], called: ['ls'] },
    { args: ['config', '--', 'check'], called: ['config', 'check'] },
    { args: ['image', 'list', '-q'], called: ['image', 'ls'] },
  ])('understands $args', ({ args, called }) => {
    const command = commandAt(createProgram(args), called);
    expect(helpOf(command)).toBe(helpOf(commandAt(completeProgram(), called)));
  });
  it.each(
    completeProgram()
      .commands.filter((command) => command.name() !== 'completion')
      .flatMap((command) => [command.name(), ...command.aliases()]),
  )('makes few others when %s is called', (name) =>
    expect(createProgram([name]).commands.length).toBeLessThan(completeProgram().commands.length),
  );
  it('takes defaults from options that were made late', async () => {
    const program = createProgram(['build', '.']);
    const build = commandAt(program, ['build']).action(() => {});
    await program.parseAsync(['node', 'berth', 'build', '.']);
    expect(build.opts()).toMatchObject({ cache: true, network: 'default', tag: [] });
  });
  it.each([
    { args: ['TYPO', '--help'], says: "unknown command 'TYPO'" },
    { args: ['network', 'foo', '--help'], says: "unknown command 'foo'" },
    { args: ['network', 'foo', '-h'], says: "unknown command 'foo'" },
    { args: ['help', 'TYPO'], says: "unknown command 'TYPO'" },
    { args: ['help', 'network', 'foo'], says: "unknown command 'foo'" },
  ])('has no help for a command that there is not: $args', async ({ args, says }) => {
    const program = createProgram(args, { writeErr: () => {} });
    const failure = { code: 'commander.unknownCommand', message: expect.stringContaining(says) };
    await expect(program.parseAsync(['node', 'berth', ...args])).rejects.toMatchObject(failure);
  });
  it.each([
    { args: ['help'], called: [] },
    { args: ['help', 'build'], called: ['build'] },
    { args: ['help', 'network', 'ls'], called: ['network', 'ls'] },
    { args: ['help', 'image', 'list'], called: ['image', 'ls'] },
    { args: ['help', 'container', 'run', 'image', 'sh'], called: ['container', 'run'] },
    { args: ['network', 'help', 'ls'], called: ['network', 'ls'] },
  ])('explains what is asked for: $args', async ({ args, called }) => {
    let text = '';
    const writeOut = (more: string) => {
      text += more;
    };
    const program = createProgram(args, { writeOut, writeErr: () => {} });
    await expect(program.parseAsync(['node', 'berth', ...args])).rejects.toMatchObject({ exitCode: 0 });
    expect(text).toBe(helpOf(commandAt(completeProgram(), called)));
  });
  it.each([
    { flags: ['-H', 'tcp://there:2375'], says: 'there is no daemon here to connect to' },
    { flags: ['--host=unix:///there'], says: 'there is no daemon here to connect to' },
    { flags: ['--context', 'there'], says: 'there is no daemon here to connect to' },
    { flags: ['--tlsverify'], says: 'there is no daemon here to connect to' },
    { flags: ['--config', '/etc/passwd'], says: 'stands behind the command' },
    { flags: ['-l', 'odd'], says: 'Allowed choices are debug' },
  ])('says why $flags cannot be before a command', async ({ flags, says }) => {
    const args = [...flags, 'build', '.'];
    const program = createProgram(args, { writeErr: () => {} });
    await expect(program.parseAsync(['node', 'berth', ...args])).rejects.toThrow(says);
  });
  it('takes what docker takes before a command, and finds the command behind it', async () => {
    const args = ['-l', 'info', '--context', 'default', '--config', '/there/docker', 'build', '.'];
    vi.stubEnv('DOCKER_CONFIG', '');
    const program = createProgram(args);
    const build = commandAt(program, ['build']).action(() => {});
    await program.parseAsync(['node', 'berth', ...args]);
    expect(build.opts()).toMatchObject({ network: 'default' });
    expect(process.env.DOCKER_CONFIG).toBe('/there/docker');
    vi.unstubAllEnvs();
  });
  it.each([['-D'], ['--log-level=debug']])('%s before a command is --debug', async (flag) => {
    const { argv } = process;
    process.argv = ['node', 'berth', flag, 'build', '.'];
    try {
      const program = createProgram(process.argv.slice(2));
      commandAt(program, ['build']).action(() => {});
      await program.parseAsync(process.argv);
      expect(process.argv).toContain('--debug');
    } finally {
      process.argv = argv;
    }
  });
  it('says nothing of lists that are empty at first', () => {
    expect(helpOf(commandAt(createProgram(['run']), ['run']))).not.toContain('[])');
  });
  it('lists commands by what they are for', () =>
    expect(helpOf(createProgram([]))).toMatch(
      /^The registry:\n {2}serve (?:.|\n)*^Images:\n {2}login (?:.|\n)*^Containers:\n {2}run /m,
    ));
  it('lists options that are not made yet', () =>
    expect(helpOf(createProgram([]))).toMatch(/^ {2}build \[options\] <context> /m));
});
