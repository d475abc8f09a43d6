import type { Command } from 'commander';

/** Of every command that is about a registry. */
export type ConfigFlags = Readonly<{ config?: string }>;

const HELP = 'configuration file; else $REGISTRY_CONFIGURATION_PATH, else the built-in default';

/** `--config FILE`, for commands whose arguments are something else. */
export function addConfigOption(command: Command): Command {
  return command.option('-c, --config <file>', HELP);
}

/** `--config FILE` or just FILE, for commands without other arguments; then, what they do. */
export function addConfigAction<Flags extends ConfigFlags>(
  command: Command,
  act: (flags: Flags) => Promise<unknown>,
): Command {
  return addConfigOption(command.argument('[config]', HELP)).action(
    async (file: string | undefined, flags: Flags) => {
      if (file !== undefined && flags.config !== undefined) {
        const { UsageError } = await import('./failure.js');
        throw new UsageError(`two configurations are named: ${file} and ${flags.config}`);
      }
      await act(file === undefined ? flags : { ...flags, config: file });
    },
  );
}
