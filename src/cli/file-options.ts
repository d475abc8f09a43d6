import type { Command } from 'commander';
import type { Config } from '../registry/config/index.js';
import { addConfigOption, type ConfigFlags } from './config-option.js';
import type { ServerFile } from './server-file.js';

/** A file that the registry reads is named by itself, or by the configuration. */
export type FileOptions = ConfigFlags & Readonly<{ file?: string }>;

/** @param what it is: `htpasswd file`. */
export function withFile(command: Command, what: string): Command {
  return addConfigOption(
    command.option('-f, --file <file>', `${what}; else the one that the configuration names`),
  );
}

/** @param named `key` of the configuration that names it, and what that says. @throws {UsageError} nothing. */
export async function fileOf(
  { file, config }: FileOptions,
  named: Readonly<{ what: string; key: string; find: (config: Config) => string | undefined }>,
): Promise<ServerFile> {
  if (file !== undefined) return { file };
  const { readConfig } = await import('./config.js');
  const found = (await readConfig(config, process.env)).config;
  const path = named.find(found);
  if (path !== undefined) return { file: path, dataRoot: found.storage.filesystem?.rootdirectory };
  const { UsageError } = await import('./failure.js');
  throw new UsageError(`the configuration names no ${named.what} (${named.key}); give one with --file`);
}
