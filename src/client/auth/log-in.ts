import type { Credentials } from '../credentials/credentials.js';
import { RegistryError } from '../errors.js';
import type { RegistryHost } from '../registry-host.js';

type Options = Readonly<{ signal?: AbortSignal }>;

/**
 * @param open speaks to the registry with nothing but the credentials.
 * @returns what to save: the password, or a refresh token in its place that was tried.
 * @throws {UnauthorizedError}
 */
export async function logIn(
  open: (credentials: Credentials) => RegistryHost,
  credentials: Credentials,
  options: Options,
): Promise<Credentials> {
  const identityToken = await checkCredentials(open(credentials), options);
  if (identityToken === undefined || !('user' in credentials)) return credentials;
  const token = { identityToken, account: credentials.user };
  return (await isTaken(open(token), options)) ? token : credentials;
}

async function checkCredentials(host: RegistryHost, options: Options): Promise<string | undefined> {
  try {
    await host.checkAccess(options);
    return await host.requestRefreshToken(options);
  } finally {
    host.close();
  }
}

async function isTaken(host: RegistryHost, options: Options): Promise<boolean> {
  try {
    await host.checkAccess(options);
    return true;
  } catch (error) {
    if (error instanceof RegistryError) return false;
    throw error;
  } finally {
    host.close();
  }
}
