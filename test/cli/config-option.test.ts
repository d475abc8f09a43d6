import type { Command } from 'commander';
import { describe, expect, it, vi } from 'vitest';
import { addConfigAction, type ConfigFlags } from '../../src/cli/config-option.js';
import { LateCommand } from '../../src/cli/late-command.js';
import { createProgram } from '../../src/cli/program.js';

/** What a command is called with. */
async function flagsOf(args: readonly string[]): Promise<ConfigFlags> {
  const act = vi.fn(async (_flags: ConfigFlags) => {});
  const command = new LateCommand('gc').option('--json');
  addConfigAction(command, act);
  await command.complete().parseAsync(['node', 'gc', ...args]);
  return act.mock.calls[0]?.[0] ?? {};
}

function namesOfAll(command: Command): [name: string, command: Command][] {
  const inner = command.commands.flatMap((each) =>
    namesOfAll(each).map(([name, one]): [string, Command] => [`${each.name()} ${name}`.trim(), one]),
  );
  return [['', command], ...inner];
}

function commandsWithConfig(): [name: string, command: Command][] {
  const program = createProgram([]);
  program.completeAll();
  return namesOfAll(program).filter(([, { options }]) =>
    options.some(({ long, required }) => long === '--config' && required),
  );
}

describe('the configuration of a registry', () => {
  it.each([
    { args: ['config.yml'], flags: { config: 'config.yml' } },
    { args: ['--config', 'config.yml', '--json'], flags: { config: 'config.yml', json: true } },
    { args: ['-c', 'config.yml'], flags: { config: 'config.yml' } },
    { args: [], flags: {} },
  ])('is named by $args', async ({ args, flags }) => expect(await flagsOf(args)).toEqual(flags));
  it('is named once', async () =>
    await expect(flagsOf(['a.yml', '--config', 'b.yml'])).rejects.toThrow(
      'two configurations are named: a.yml and b.yml',
    ));
  it('is the argument of all commands that take no other, and know of no other file', () => {
    const names = commandsWithConfig()
      .filter(([, { registeredArguments }]) => registeredArguments[0]?.name() === 'config')
      .map(([name]) => name);
    expect(names).toEqual([
      'serve',
      'config check',
      'index rebuild',
      'index list',
      'uploads purge',
      'gc',
      'verify',
      'trash list',
      'trash empty',
      'events list',
    ]);
    const others = commandsWithConfig().filter(
      ([name, { registeredArguments, options }]) =>
        name !== '' && // that of the whole program is docker's
        !names.includes(name) &&
        registeredArguments.length === 0 &&
        !options.some(({ long }) => long === '--file'),
    );
    expect(others.map(([name]) => name)).toEqual([]);
  });
});
