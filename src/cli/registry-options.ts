import { type Command, Option } from 'commander';
import { OptionAlias } from './option-alias.js';
import { parseWholeNumber } from './whole-number.js';

/** How to reach registries, as given on the command line. */
export type RegistryFlags = Readonly<{
  insecure?: boolean;
  /** Of podman and skopeo: `false` is `insecure`. */
  tlsVerify?: boolean;
  plainHttp?: boolean;
  ca?: string;
  certDir?: string;
  authFile?: string;
  /** `false`: none, whatever is saved. */
  creds?: string | false;
  retryTimes?: number;
}>;

/** Which end of a copy a registry is. */
export type CopySide = 'src' | 'dest';
/** What may be different for the two registries of a copy, as skopeo calls it. */
export type SideFlags = Readonly<{
  srcCreds?: string | false;
  destCreds?: string | false;
  srcTlsVerify?: boolean;
  destTlsVerify?: boolean;
  srcAuthfile?: string;
  destAuthfile?: string;
}>;

/** The flags that every command has that speaks to a registry. */
export function addRegistryOptions(command: Command): Command {
  return addContactOptions(command)
    .option('--auth-file <file>', 'read credentials from this file only')
    .addOption(new OptionAlias('--authfile <file>', 'authFile'))
    .option('--creds <user:password>', 'use these credentials instead of saved ones')
    .option('--no-creds', 'ask as nobody, whatever is saved');
}

/** Those of them that are not about credentials. */
export function addContactOptions(command: Command): Command {
  return command
    .option('--insecure', 'take any certificate, and plain http')
    .addOption(new Option('--tls-verify', 'podman and skopeo: =false is --insecure').hideHelp())
    .option('--plain-http', 'speak plain http only')
    .option('--ca <file>', 'trust the authority in this file (PEM)')
    .option('--cert-dir <dir>', 'trust *.crt in it, and show *.cert with its *.key')
    .option('--retry-times <n>', 'how often to try again after failures that pass', parseWholeNumber(0));
}

/** For commands with two registries. */
export function addSideOptions(command: Command): Command {
  for (const { side, name } of [
    { side: 'src', name: 'the source' },
    { side: 'dest', name: 'the target' },
  ]) {
    command
      .option(`--${side}-creds <user:password>`, `credentials for ${name} only`)
      .addOption(new OptionAlias(`--${side}-no-creds`, `${side}Creds`).preset(false))
      .option(`--${side}-tls-verify`, `=false is --insecure for ${name} only`)
      .option(`--${side}-authfile <file>`, `--auth-file for ${name} only`);
  }
  return command;
}

/** The flags for one side. */
export function flagsOfSide(flags: RegistryFlags & SideFlags, side: CopySide): RegistryFlags {
  const [creds, tlsVerify, authFile] =
    side === 'src'
      ? [flags.srcCreds, flags.srcTlsVerify, flags.srcAuthfile]
      : [flags.destCreds, flags.destTlsVerify, flags.destAuthfile];
  return {
    ...flags,
    ...(creds !== undefined && { creds }),
    ...(tlsVerify !== undefined && { tlsVerify }),
    ...(authFile !== undefined && { authFile }),
  };
}
