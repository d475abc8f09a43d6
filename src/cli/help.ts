import type { Command } from 'commander';

type Example = readonly [command: string, does: string];

/** The last part of a command's help: what people really type, and what it does. */
export function examples(...lines: readonly Example[]): string {
  const width = Math.max(...lines.map(([command]) => command.length));
  return `\nExamples:\n${lines.map(([command, does]) => `  ${command.padEnd(width)}  # ${does}`).join('\n')}`;
}

/** A command that only leads to others. */
export function group(parent: Command, name: string, description: string, example: Example): Command {
  return parent.command(name).description(description).addHelpText('after', examples(example));
}
