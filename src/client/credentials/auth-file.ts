import { readFile } from 'node:fs/promises';
import { CredentialError } from '../errors.js';
import type { Credentials } from './credentials.js';
import { isNamespaceKey, plainKey, registryKeys } from './registry-keys.js';

type Json = Readonly<Record<string, unknown>>;

/** Docker's config.json or podman's auth.json. What we do not know in there stays as it is. */
export class AuthFile {
  readonly path: string;
  readonly #content: Json;

  constructor(path: string, content: Json) {
    this.path = path;
    this.#content = content;
  }

  /** @returns an empty one for a file that does not exist. @throws {CredentialError} it cannot be read. */
  static async read(path: string): Promise<AuthFile> {
    const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return Buffer.alloc(0);
      throw new CredentialError(`cannot read credentials from ${path}: ${error.message}`, { cause: error });
    });
    return AuthFile.parse(path, bytes);
  }

  static parse(path: string, bytes: Buffer): AuthFile {
    if (bytes.length === 0) return new AuthFile(path, {});
    try {
      const content: unknown = JSON.parse(bytes.toString('utf8'));
      if (isObject(content)) return new AuthFile(path, content);
    } catch {
      // the parser would quote what may be a secret
    }
    throw new CredentialError(`cannot read credentials from ${path}: it is not a JSON object`);
  }

  /** Credentials that the file itself holds under the first of these names. */
  find(keys: readonly string[]): Credentials | undefined {
    const entries = objectAt(this.#content, 'auths');
    for (const wanted of keys) {
      const key = Object.keys(entries).find((name) => name === wanted) ?? findPlain(entries, wanted);
      const credentials = key === undefined ? undefined : parseEntry(entries[key]);
      if (credentials !== undefined) return credentials;
    }
    return undefined;
  }

  /** The program that keeps the credentials of a registry: its own, or the one for all. */
  helper(registry: string): string | undefined {
    if (isNamespaceKey(registry)) return undefined;
    const helpers = objectAt(this.#content, 'credHelpers');
    const keys = registryKeys(registry);
    const own = Object.entries(helpers).find(([key]) => keys.includes(plainKey(key)))?.[1];
    return nonEmpty(own) ?? nonEmpty(this.#content.credsStore);
  }

  /** Puts credentials in; without any, a note that a helper has them. */
  with(registry: string, credentials: Credentials | undefined): AuthFile {
    const kept = objectAt(this.without(registry).#content, 'auths');
    const entry = credentials === undefined ? {} : formatEntry(credentials);
    return this.#replaced({ ...kept, [this.#keyFor(registry)]: entry });
  }

  without(registry: string): AuthFile {
    const keys = registryKeys(registry);
    const entries = Object.entries(objectAt(this.#content, 'auths'));
    return this.#replaced(Object.fromEntries(entries.filter(([key]) => !keys.includes(plainKey(key)))));
  }

  mentions(registry: string): boolean {
    const keys = registryKeys(registry);
    return Object.keys(objectAt(this.#content, 'auths')).some((key) => keys.includes(plainKey(key)));
  }

  /** As docker writes it. */
  format(): Buffer {
    return Buffer.from(`${JSON.stringify(this.#content, null, '\t')}\n`);
  }

  #replaced(auths: Json): AuthFile {
    return new AuthFile(this.path, { ...this.#content, auths });
  }

  /** Docker finds its own registry only by the name it gave it. */
  #keyFor(registry: string): string {
    const isDockers = this.path.endsWith('/config.json');
    return registry === 'docker.io' && isDockers ? 'https://index.docker.io/v1/' : registry;
  }
}

function findPlain(entries: Json, wanted: string): string | undefined {
  return Object.keys(entries).find((key) => plainKey(key) === wanted);
}

function parseEntry(entry: unknown): Credentials | undefined {
  if (!isObject(entry)) return undefined;
  const registryToken = nonEmpty(entry.registrytoken);
  if (registryToken !== undefined) return { registryToken };
  const { user, password } = parseAuth(nonEmpty(entry.auth)) ?? {
    user: entry.username,
    password: entry.password,
  };
  const identityToken = nonEmpty(entry.identitytoken);
  if (identityToken !== undefined) {
    return typeof user === 'string' && user !== '' && user !== '<token>'
      ? { identityToken, account: user }
      : { identityToken };
  }
  if (typeof user !== 'string' || typeof password !== 'string' || (user === '' && password === ''))
    return undefined;
  return user === '<token>' ? { identityToken: password } : { user, password };
}

function parseAuth(auth: string | undefined): { user: string; password: string } | undefined {
  if (auth === undefined) return undefined;
  const text = Buffer.from(auth, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon < 0) return undefined;
  return { user: text.slice(0, colon), password: text.slice(colon + 1).replace(/\0+$/, '') };
}

function formatEntry(credentials: Credentials): Json {
  if ('registryToken' in credentials) return { registrytoken: credentials.registryToken };
  const { user, password } =
    'user' in credentials ? credentials : { user: credentials.account ?? '<token>', password: '' };
  const auth = Buffer.from(`${user}:${password}`).toString('base64');
  return { auth, ...('identityToken' in credentials ? { identitytoken: credentials.identityToken } : {}) };
}

function objectAt(content: Json, member: string): Json {
  const value = content[member];
  return isObject(value) ? value : {};
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function nonEmpty(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
