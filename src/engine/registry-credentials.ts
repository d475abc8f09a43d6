import { type CredentialSource, type Credentials, fixedCredentials } from '../client/index.js';
import { EngineError } from './errors.js';

/** A request with a login in its headers is made as that; one without as nobody, whoever runs the engine. */
const NOBODY: CredentialSource = { find: async () => undefined };
const DOCKER_HUB = 'docker.io';

/** `X-Registry-Auth`: the login for the one registry that a request is about. @throws {EngineError} 400 */
export function credentialsFrom(header: string | readonly string[] | undefined): CredentialSource {
  const credentials = loginIn(parsed('X-Registry-Auth', header));
  return credentials === undefined ? NOBODY : fixedCredentials(credentials);
}

/** `X-Registry-Config`: logins by registry, for builds. @throws {EngineError} 400 */
export function allCredentialsFrom(header: string | readonly string[] | undefined): CredentialSource {
  const logins = new Map<string, Credentials>();
  for (const [address, value] of Object.entries(parsed('X-Registry-Config', header))) {
    const credentials = loginIn(value);
    if (credentials !== undefined) logins.set(registryOf(address), credentials);
  }
  return { find: async (registry) => logins.get(registryOf(registry)) };
}

/** What docker calls a registry in its file of logins: `https://index.docker.io/v1/`, `reg.example:5000`. */
export function registryOf(address: string): string {
  const host = address.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
  return host === '' || /^(index\.|registry-1\.)?docker\.io$/.test(host) ? DOCKER_HUB : host;
}

/** @returns `undefined` for nobody. */
export function loginIn(value: unknown): Credentials | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const members = value as Readonly<Record<string, unknown>>;
  const text = (name: string) => (typeof members[name] === 'string' ? members[name] : '');
  if (text('registrytoken') !== '') return { registryToken: text('registrytoken') };
  if (text('identitytoken') !== '') return { identityToken: text('identitytoken') };
  const [, user = text('username'), password = text('password')] =
    /^([^:]*):(.*)$/s.exec(Buffer.from(text('auth'), 'base64').toString('utf8')) ?? [];
  return user === '' ? undefined : { user, password };
}

/** Base64, in either alphabet. */
function parsed(name: string, header: string | readonly string[] | undefined): object {
  const text = typeof header === 'string' ? header : '';
  if (text === '') return {};
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64').toString('utf8'));
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // Said below, without what the header holds.
  }
  throw new EngineError(400, `the header ${name} is not JSON in base64`);
}
