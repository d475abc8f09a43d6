import type { Command } from 'commander';
import { addConfigAction, type ConfigFlags } from './config-option.js';
import { examples } from './help.js';
import { parseWholeNumber } from './whole-number.js';

/** `berth serve`. */
export function addServeCommand(program: Command): void {
  const command = program
    .command('serve')
    .description('serve the registry')
    .option(
      '--workers <count>',
      'how many processes serve; berth.workers of the configuration',
      parseWholeNumber(1),
    )
    .addHelpText(
      'after',
      examples(
        ['berth serve', 'data in ./data, on 127.0.0.1:5000'],
        ['REGISTRY_HTTP_ADDR=:443 berth serve config.yml', 'variables win over the file'],
        ['berth serve --workers 4 config.yml', 'with four processes, for as many processors'],
      ),
    );
  addConfigAction(command, async (flags: ConfigFlags & { workers?: number }) => {
    const { serve } = await import('./serve.js');
    await serve(flags.config, flags);
  });
}
