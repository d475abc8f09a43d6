import { type Credentials, describeCredentials } from '../credentials/credentials.js';
import { DeniedError, RegistryError, UnauthorizedError } from '../errors.js';
import type { HttpAnswer } from '../http/answer.js';
import type { HttpRequest } from '../http/exchange.js';
import { readProblems } from '../problems.js';
import { formatScope, type Scope } from './scope.js';

/** Who gives tokens for a registry, as its challenge says. */
export type TokenService = Readonly<{ realm: URL; service: string | undefined }>;

/** `refreshToken` only where one was asked for, and not from every service. */
export type IssuedToken = Readonly<{ token: string; lifeMs: number; refreshToken?: string }>;

export type TokenRequest = Readonly<{
  registry: string;
  service: TokenService;
  scopes: readonly Scope[];
  credentials: Credentials | undefined;
  /** Asks for a refresh token too. */
  offline?: boolean;
}>;

/** Sends one request, with retries. */
export type Send = (request: HttpRequest) => Promise<HttpAnswer>;

const CLIENT_ID = 'berth';
const MAX_TOKEN_BYTES = 1024 * 1024;
/** What a token lasts that says nothing, and the least that any lasts. distribution token.md, "expires_in". */
const MIN_LIFE_S = 60;

/**
 * Gets a token for as many of the scopes as the caller has a right to.
 * @throws {UnauthorizedError} the service does not take the credentials.
 * @see distribution docs/content/spec/auth/token.md, oauth.md
 */
export async function requestToken(send: Send, request: TokenRequest): Promise<IssuedToken> {
  const { credentials } = request;
  if (credentials !== undefined && 'registryToken' in credentials) {
    return { token: credentials.registryToken, lifeMs: Number.POSITIVE_INFINITY };
  }
  if (credentials !== undefined && 'identityToken' in credentials) {
    const form = { grant_type: 'refresh_token', refresh_token: credentials.identityToken };
    return readToken(await post(send, request, form), request);
  }
  const answer = await get(send, request, credentials);
  // Some services know the newer form only.
  if ((answer.status === 404 || answer.status === 405) && credentials !== undefined) {
    await answer.discard();
    const form = { grant_type: 'password', username: credentials.user, password: credentials.password };
    return readToken(await post(send, request, form), request);
  }
  return readToken(answer, request);
}

function get(
  send: Send,
  { service, scopes, offline }: TokenRequest,
  credentials: Readonly<{ user: string; password: string }> | undefined,
): Promise<HttpAnswer> {
  const url = new URL(service.realm);
  if (service.service !== undefined) url.searchParams.set('service', service.service);
  for (const scope of scopes) url.searchParams.append('scope', formatScope(scope));
  if (offline) url.searchParams.set('offline_token', 'true');
  url.searchParams.set('client_id', CLIENT_ID);
  if (credentials !== undefined) url.searchParams.set('account', credentials.user);
  const headers = credentials === undefined ? {} : { authorization: basic(credentials) };
  return send({ method: 'GET', url, headers });
}

function post(
  send: Send,
  { service, scopes, offline }: TokenRequest,
  grant: Readonly<Record<string, string>>,
): Promise<HttpAnswer> {
  const form = new URLSearchParams({ ...grant, client_id: CLIENT_ID });
  if (service.service !== undefined) form.set('service', service.service);
  if (scopes.length > 0) form.set('scope', scopes.map(formatScope).join(' '));
  if (offline) form.set('access_type', 'offline');
  const bytes = Buffer.from(form.toString());
  return send({
    method: 'POST',
    url: service.realm,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: { bytes: bytes.length, open: async () => only(bytes) },
  });
}

async function* only(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

export function basic({ user, password }: Readonly<{ user: string; password: string }>): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

async function readToken(answer: HttpAnswer, request: TokenRequest): Promise<IssuedToken> {
  const { registry, credentials } = request;
  const place = `the token service of ${registry} (${request.service.realm.origin})`;
  if (answer.status !== 200) throw await refusal(answer, request, place);
  const body = parseObject(await answer.bytes(MAX_TOKEN_BYTES));
  const token = nonEmpty(body?.token) ?? nonEmpty(body?.access_token);
  if (body === undefined || token === undefined) {
    throw new RegistryError(`${place} answered without a token`, { registry, status: answer.status });
  }
  const lifeS = Math.max(MIN_LIFE_S, typeof body.expires_in === 'number' ? body.expires_in : MIN_LIFE_S);
  const refreshToken = nonEmpty(body.refresh_token);
  const known =
    credentials !== undefined && 'identityToken' in credentials ? credentials.identityToken : undefined;
  return {
    token,
    lifeMs: lifeS * 1000,
    ...(refreshToken === undefined || refreshToken === known ? {} : { refreshToken }),
  };
}

async function refusal(answer: HttpAnswer, request: TokenRequest, place: string): Promise<RegistryError> {
  const { registry, credentials } = request;
  const { problems, text } = await readProblems(answer);
  const options = { registry, status: answer.status, problems };
  const who = describeCredentials(credentials);
  const said = text === '' ? '' : `: ${text}`;
  if (answer.status === 401 || answer.status === 400) {
    const advice =
      credentials === undefined
        ? `log in with: berth login ${registry}`
        : 'wrong user name, password or token';
    return new UnauthorizedError(`${place} refuses ${who}${said}; ${advice}`, options);
  }
  if (answer.status === 403) return new DeniedError(`${place} refuses ${who}${said}`, options);
  return new RegistryError(`${place} answered ${answer.status}${said}`, options);
}

function parseObject(bytes: Buffer): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function nonEmpty(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
