import { type Command, Option } from 'commander';
import { addConfigAction, type ConfigFlags } from './config-option.js';
import { examples } from './help.js';

/** `berth config ...`. */
export function addConfigCommands(config: Command): void {
  const check = config
    .command('check')
    .description('show the effective configuration, and where each value comes from')
    .option('--strict', 'fail on warnings too')
    .addOption(new Option('--format <format>', 'how to print it').choices(['yaml', 'json']).default('yaml'))
    .addHelpText(
      'after',
      examples(
        ['berth config check config.yml', 'exit code 0 when the registry would start with it'],
        ['REGISTRY_HTTP_ADDR=:80 berth config check --format json', 'see what a variable changes'],
      ),
    );
  addConfigAction(check, async (flags: ConfigFlags & { strict?: boolean; format: 'yaml' | 'json' }) => {
    const { checkConfig } = await import('./config.js');
    process.exitCode = await checkConfig(flags.config, flags);
  });
  config
    .command('schema')
    .description('print the JSON schema of the configuration, for editors')
    .addHelpText('after', examples(['berth config schema > berth.schema.json', 'for your editor']))
    .action(async () => {
      const { printSchema } = await import('./config.js');
      printSchema();
    });
}
