import { heredocText } from './heredoc.js';
import type { Command } from './instruction.js';

/** A file that must be there, read-only and executable, while the command runs. */
export type RunScript = Readonly<{ path: string; content: string }>;

/**
 * What RUN starts, in the shell of the stage. A heredoc alone is a script for that shell, or a program of its own
 * when it begins with `#!`; with other words around, the shell reads it by itself.
 */
export function runArguments(
  command: Command,
  shell: readonly string[],
): { arguments: readonly string[]; script?: RunScript } {
  switch (command.form) {
    case 'exec':
      return { arguments: command.arguments };
    case 'shell': {
      const bodies = command.heredocs.map(({ name, content }) => `\n${content}${name}`);
      return { arguments: [...shell, [command.text, ...bodies].join('')] };
    }
    case 'script': {
      const content = heredocText(command.heredoc);
      if (!content.startsWith('#!')) return { arguments: [...shell, content] };
      const path = `/dev/pipes/${command.heredoc.name}`;
      return { arguments: [path], script: { path, content } };
    }
  }
}
