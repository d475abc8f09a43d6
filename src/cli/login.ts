import type { Credentials, Saved } from '../client/index.js';
import { UsageError } from './failure.js';
import { askSecret, readPassword, type Terminal } from './password.js';
import { openCredentialStore, openRegistryClient } from './registries.js';
import type { RegistryFlags } from './registry-options.js';
import { parseRegistryPlace } from './registry-place.js';

export type LoginFlags = Omit<RegistryFlags, 'creds'> &
  Readonly<{ username?: string; password?: string; passwordStdin?: boolean }>;
export type LogoutFlags = Pick<RegistryFlags, 'authFile'>;

/** `berth login`: nothing is saved that the registry does not take. */
export async function login(name: string, flags: LoginFlags, terminal: Terminal): Promise<void> {
  const { registry, key } = parseRegistryPlace(name);
  const given = await askCredentials(key, flags, terminal);
  await using client = await openRegistryClient(flags);
  const credentials = await client.logIn(registry, given).catch(async (error: unknown) => {
    const { UnauthorizedError } = await import('../client/index.js');
    if (!(error instanceof UnauthorizedError)) throw error;
    throw new Error(`cannot log in to ${key}: it does not take this user name and password`, {
      cause: error,
    });
  });
  const store = await openCredentialStore(flags);
  warnIfClear(await store.save(key, credentials), terminal);
  terminal.output.write('Login Succeeded\n');
}

/** `berth logout`: forgets, and says where else credentials are found. */
export async function logout(name: string, flags: LogoutFlags, terminal: Terminal): Promise<void> {
  const { registry, namespace, key } = parseRegistryPlace(name);
  const store = await openCredentialStore(flags);
  const erased = await store.erase(key);
  const text = erased.length === 0 ? `Not logged in to ${key}` : `Removed login credentials for ${key}`;
  terminal.output.write(`${text}\n`);
  const left = await store.locate(registry, namespace);
  if (left !== undefined) terminal.notes.write(`berth: there are others for ${key} in ${left.place}\n`);
}

function warnIfClear({ place, clear }: Saved, { notes }: Terminal): void {
  if (!clear) return;
  notes.write(
    `berth: warning: what was saved in ${place} is not encrypted; a credential helper ("credsStore" in that file) would do it\n`,
  );
}

async function askCredentials(registry: string, flags: LoginFlags, terminal: Terminal): Promise<Credentials> {
  const { username, password, passwordStdin } = flags;
  if (password !== undefined && passwordStdin)
    throw new UsageError('use --password or --password-stdin, not both');
  if (passwordStdin) {
    if (username === undefined) throw new UsageError('--password-stdin needs --username');
    return checked(username, await readPassword(terminal));
  }
  if (password !== undefined) {
    terminal.notes.write('berth: warning: others may see --password; use --password-stdin\n');
  }
  const user = username ?? (await askUser(registry, terminal));
  const asked = { user, place: registry, instead: 'use --password-stdin' };
  return checked(user, password ?? (await askSecret(terminal, asked)));
}

async function askUser(registry: string, { input, notes }: Terminal): Promise<string> {
  if (!input.isTTY) throw new UsageError('no terminal to ask on; use --username and --password-stdin');
  const { createInterface } = await import('node:readline/promises');
  const lines = createInterface({ input, output: notes });
  try {
    return (await lines.question(`User name for ${registry}: `)).trim();
  } finally {
    lines.close();
  }
}

function checked(user: string, password: string): Credentials {
  if (user === '' || password === '') throw new UsageError('user name and password must not be empty');
  if (user.includes(':')) throw new UsageError('a user name has no colon');
  return { user, password };
}
