import type { Command } from 'commander';

/** How to reach registries, as given on the command line. */
export type RegistryFlags = Readonly<{
  insecure?: boolean;
  plainHttp?: boolean;
  ca?: string;
  authFile?: string;
  creds?: string;
}>;

/** The flags that every command has that speaks to a registry. */
export function addRegistryOptions(command: Command): Command {
  return command
    .option('--insecure', 'take any certificate, and plain http')
    .option('--plain-http', 'speak plain http only')
    .option('--ca <file>', 'trust the authority in this file (PEM)')
    .option('--auth-file <file>', 'read credentials from this file only')
    .option('--creds <user:password>', 'use these credentials instead of saved ones');
}
