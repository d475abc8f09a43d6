import { Command } from 'commander';
import { examples } from './help.js';
import type { LateCommand } from './late-command.js';

/** `berth completion`, and `berth help` before it. */
export function addCompletionCommand(program: LateCommand): void {
  program
    .helpCommand(true) // among the others
    .command('completion')
    .description('print a script that completes commands and options in your shell')
    .addArgument(new Command().createArgument('<shell>').choices(['bash', 'zsh', 'fish']))
    .addHelpText(
      'after',
      examples(
        ['source <(berth completion bash)', 'for this shell'],
        ['berth completion bash > /etc/bash_completion.d/berth', 'for everybody'],
      ),
    )
    .action(async (shell: 'bash' | 'zsh' | 'fish') => {
      const { completionScript } = await import('./completion.js');
      program.completeAll();
      process.stdout.write(completionScript(program, shell));
    });
}
