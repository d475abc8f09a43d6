import { existsSync } from 'node:fs';
import manifest from '../../package.json' with { type: 'json' };
import type {
  CredentialSource,
  CredentialStore,
  Credentials,
  RegistryClient,
  TrustFolders,
  TrustFoldersOptions,
} from '../client/index.js';
import { UsageError } from './failure.js';
import { ownTerminal } from './own-terminal.js';
import type { RegistryFlags } from './registry-options.js';

/** A client for all registries of a command. Dispose of it at the end. @throws {UsageError} */
export async function openRegistryClient(
  flags: RegistryFlags,
  options: { signal?: AbortSignal } = {},
): Promise<RegistryClient> {
  const { RegistryClient } = await import('../client/index.js');
  if (flags.certDir !== undefined && !existsSync(flags.certDir))
    throw new UsageError(`${flags.certDir}, for certificates: there is no such directory`);
  const insecure = flags.insecure === true || flags.tlsVerify === false;
  return new RegistryClient({
    credentials: await credentialsOf(flags),
    trust: await systemTrust({
      ...(flags.ca === undefined ? {} : { authorityFiles: [flags.ca] }),
      ...(flags.certDir === undefined ? {} : { forAll: flags.certDir }),
    }),
    insecure: () => insecure,
    plainHttp: () => flags.plainHttp === true,
    proxyEnv: process.env,
    userAgent: `berth/${manifest.version}`,
    ...(flags.retryTimes === undefined ? {} : { retries: flags.retryTimes }),
    ...options,
  });
}

/** Certificates that every client of this machine finds. */
export async function systemTrust(more: Partial<TrustFoldersOptions> = {}): Promise<TrustFolders> {
  const { defaultTrustFolders, TrustFolders } = await import('../client/index.js');
  return new TrustFolders({
    folders: defaultTrustFolders(process.env.HOME ?? '/'),
    ...(process.env.SSL_CERT_FILE ? { systemFile: process.env.SSL_CERT_FILE } : {}),
    ...more,
  });
}

async function credentialsOf(flags: RegistryFlags): Promise<CredentialSource> {
  const { creds, registryToken } = flags;
  if (creds === false) return { find: async () => undefined };
  if (creds === undefined && registryToken === undefined) return openCredentialStore(flags);
  if (creds !== undefined && registryToken !== undefined)
    throw new UsageError('use credentials or a token, not both');
  const { fixedCredentials } = await import('../client/index.js');
  return fixedCredentials(registryToken === undefined ? await readCreds(creds ?? '') : { registryToken });
}

/** The saved credentials of whoever calls. */
export async function openCredentialStore({
  authFile,
}: Pick<RegistryFlags, 'authFile'>): Promise<CredentialStore> {
  const [{ CredentialStore }, { editFile }] = await Promise.all([
    import('../client/index.js'),
    import('./file-edit.js'),
  ]);
  return new CredentialStore({
    env: process.env,
    ...(authFile === undefined ? {} : { authFile }),
    editFile,
    onNote: (note) => process.stderr.write(`berth: ${note}\n`),
  });
}

/** `user:password`, or `user` alone where the password can be asked for. */
async function readCreds(text: string): Promise<Credentials> {
  const colon = text.indexOf(':');
  if (colon === 0 || text === '') throw new UsageError('credentials are user:password, or user to be asked');
  if (colon > 0) return { user: text.slice(0, colon), password: text.slice(colon + 1) };
  const { askSecret } = await import('./password.js');
  const instead = `give it with the name, as ${text}:password`;
  return { user: text, password: await askSecret(ownTerminal(), { user: text, instead }) };
}
