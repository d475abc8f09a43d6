import manifest from '../../package.json' with { type: 'json' };
import type { CredentialStore, Credentials, RegistryClient } from '../client/index.js';
import { UsageError } from './failure.js';
import type { RegistryFlags } from './registry-options.js';

/** A client for all registries of a command. Dispose of it at the end. @throws {UsageError} */
export async function openRegistryClient(
  flags: RegistryFlags,
  options: { signal?: AbortSignal } = {},
): Promise<RegistryClient> {
  const { defaultTrustFolders, fixedCredentials, RegistryClient, TrustFolders } = await import(
    '../client/index.js'
  );
  const credentials =
    flags.creds === undefined ? await openCredentialStore(flags) : fixedCredentials(parseCreds(flags.creds));
  return new RegistryClient({
    credentials,
    trust: new TrustFolders({
      folders: defaultTrustFolders(process.env.HOME ?? '/'),
      ...(flags.ca === undefined ? {} : { authorityFiles: [flags.ca] }),
      ...(process.env.SSL_CERT_FILE ? { systemFile: process.env.SSL_CERT_FILE } : {}),
    }),
    insecure: () => flags.insecure === true,
    plainHttp: () => flags.plainHttp === true,
    proxyEnv: process.env,
    userAgent: `berth/${manifest.version}`,
    ...options,
  });
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

function parseCreds(text: string): Credentials {
  const colon = text.indexOf(':');
  if (colon <= 0) throw new UsageError('--creds takes user:password');
  return { user: text.slice(0, colon), password: text.slice(colon + 1) };
}
