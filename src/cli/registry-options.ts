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
  /** Shown to the registry as it is. */
  registryToken?: string;
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
  srcCertDir?: string;
  destCertDir?: string;
  srcRegistryToken?: string;
  destRegistryToken?: string;
}>;

/** The flags that every command has that speaks to a registry. */
export function addRegistryOptions(command: Command): Command {
  return addContactOptions(command)
    .option('--auth-file <file>', 'read credentials from this file only')
    .addOption(new OptionAlias('--authfile <file>', 'authFile'))
    .option('--creds <user[:password]>', 'use these credentials instead of saved ones; asks for a password')
    .option('--no-creds', 'ask as nobody, whatever is saved')
    .addOption(new Option('--registry-token <token>', 'of skopeo: a token as it is').hideHelp());
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
      .option(`--${side}-creds <user[:password]>`, `credentials for ${name} only`)
      .addOption(new OptionAlias(`--${side}-no-creds`, `${side}Creds`).preset(false))
      .addOption(new Option(`--${side}-registry-token <token>`, 'of skopeo: a token as it is').hideHelp())
      .option(`--${side}-cert-dir <dir>`, `--cert-dir for ${name} only`)
      .option(`--${side}-tls-verify`, `=false is --insecure for ${name} only`)
      .option(`--${side}-authfile <file>`, `--auth-file for ${name} only`);
  }
  return command;
}

/** The flags for one side. What is said of a side takes the place of what is said of both. */
export function flagsOfSide(flags: RegistryFlags & SideFlags, side: CopySide): RegistryFlags {
  const [creds, registryToken, tlsVerify, authFile, certDir] =
    side === 'src'
      ? [flags.srcCreds, flags.srcRegistryToken, flags.srcTlsVerify, flags.srcAuthfile, flags.srcCertDir]
      : [
          flags.destCreds,
          flags.destRegistryToken,
          flags.destTlsVerify,
          flags.destAuthfile,
          flags.destCertDir,
        ];
  const { creds: _, registryToken: __, ...rest } = flags;
  const isKnown = creds !== undefined || registryToken !== undefined;
  return {
    ...(isKnown ? rest : flags),
    ...(creds !== undefined && { creds }),
    ...(registryToken !== undefined && { registryToken }),
    ...(tlsVerify !== undefined && { tlsVerify }),
    ...(authFile !== undefined && { authFile }),
    ...(certDir !== undefined && { certDir }),
  };
}
