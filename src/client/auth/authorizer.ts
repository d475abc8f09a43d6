import { type Credentials, describeCredentials } from '../credentials/credentials.js';
import { UnauthorizedError } from '../errors.js';
import type { Challenge } from './challenge.js';
import { coversScopes, formatScope, mergeScopes, parseScopes, type Scope } from './scope.js';
import { basic, type IssuedToken, requestToken, type Send, type TokenService } from './tokens.js';

export type AuthorizerOptions = Readonly<{
  registry: string;
  /** Asked once, when the registry first wants to know. */
  credentials: () => Promise<Credentials | undefined>;
  send: Send;
  /** Where the registry answers: realms may be relative, and must not be less safe. */
  origin: URL;
  insecure: boolean;
  now?: () => number;
}>;

/** `expiresAt` is known once it is issued. */
type CachedToken = { scopes: readonly Scope[]; issued: Promise<IssuedToken>; expiresAt: number };

/** Some of its life is kept back for clocks and the way there. */
const USABLE_LIFE = 0.9;

type Method =
  | Readonly<{ kind: 'none' }>
  | Readonly<{ kind: 'basic' }>
  | Readonly<{ kind: 'bearer'; service: TokenService }>;

/** What a request is sent with. `fresh`: made for this request, so that being refused is final. */
export type Authorization = Readonly<{ header: string | undefined; fresh: boolean }>;

/** Finds the Authorization header that requests need, by what the registry has challenged so far. */
export class Authorizer {
  readonly #options: AuthorizerOptions;
  readonly #tokens = new Map<string, CachedToken>();
  #method: Method = { kind: 'none' };
  #credentials: Promise<Credentials | undefined> | undefined;

  /** @param challenges of the answer to the first contact; may be empty. */
  constructor(options: AuthorizerOptions, challenges: readonly Challenge[]) {
    this.#options = options;
    this.#method = chooseMethod(challenges, options) ?? this.#method;
  }

  /** @throws {UnauthorizedError} credentials that the token service does not take. */
  async authorize(scopes: readonly Scope[]): Promise<Authorization> {
    if (this.#method.kind === 'none') return { header: undefined, fresh: false };
    const credentials = await this.#findCredentials();
    if (this.#method.kind === 'basic') return basicAuthorization(credentials);
    const wanted = mergeScopes(scopes);
    const cached = this.#findToken(wanted);
    const issued = await (cached ?? this.#fetchToken(wanted, this.#method.service, credentials));
    return { header: `Bearer ${issued.token}`, fresh: cached === undefined };
  }

  /**
   * Learns from a 401 what the registry wants.
   * @returns another authorization to try, or `undefined` if there is none.
   */
  async reauthorize(
    challenges: readonly Challenge[],
    scopes: readonly Scope[],
    rejected: Authorization,
  ): Promise<Authorization | undefined> {
    const method = chooseMethod(challenges, this.#options);
    if (method === undefined) return undefined;
    const known = this.#method;
    this.#method = method;
    if (method.kind !== 'bearer') {
      if (known.kind === method.kind && rejected.header !== undefined) return undefined;
      const next = await this.authorize(scopes);
      return next.header === undefined ? undefined : next;
    }
    const asked = challenges.flatMap(({ parameters }) => parseScopes(parameters.scope ?? ''));
    const all = mergeScopes([...scopes, ...asked]);
    const broader = !coversScopes(mergeScopes(scopes), all);
    if (rejected.header !== undefined && rejected.fresh && !broader && known.kind === 'bearer')
      return undefined;
    this.#forget(all);
    const issued = await this.#fetchToken(all, method.service, await this.#findCredentials(), scopes);
    return { header: `Bearer ${issued.token}`, fresh: true };
  }

  #findCredentials(): Promise<Credentials | undefined> {
    this.#credentials ??= this.#options.credentials();
    return this.#credentials;
  }

  /** Who the registry was told we are, for messages. */
  async user(): Promise<string> {
    const told = await this.#credentials?.catch(() => undefined);
    return describeCredentials(told);
  }

  /** Asks for a refresh token besides; only where tokens are used. */
  async requestRefreshToken(): Promise<string | undefined> {
    if (this.#method.kind !== 'bearer') return undefined;
    const { registry, send } = this.#options;
    const credentials = await this.#findCredentials();
    const request = { registry, service: this.#method.service, scopes: [], credentials, offline: true };
    return (await requestToken(send, request)).refreshToken;
  }

  #findToken(wanted: readonly Scope[]): Promise<IssuedToken> | undefined {
    for (const { scopes, issued, expiresAt } of this.#tokens.values()) {
      if (expiresAt > this.#now() && coversScopes(scopes, wanted)) return issued;
    }
    return undefined;
  }

  /** Everybody who needs the same token at once waits for the same request. @param also scopes it stands for too. */
  #fetchToken(
    scopes: readonly Scope[],
    service: TokenService,
    credentials: Credentials | undefined,
    also: readonly Scope[] = [],
  ): Promise<IssuedToken> {
    const { registry, send } = this.#options;
    const key = scopes.map(formatScope).join(' ');
    const issued = requestToken(send, { registry, service, scopes, credentials });
    const entry: CachedToken = {
      scopes: mergeScopes([...scopes, ...also]),
      issued,
      expiresAt: Number.POSITIVE_INFINITY,
    };
    this.#tokens.set(key, entry);
    issued.then(
      ({ lifeMs }) => {
        entry.expiresAt = this.#now() + lifeMs * USABLE_LIFE;
      },
      () => {
        if (this.#tokens.get(key) === entry) this.#tokens.delete(key);
      },
    );
    return issued;
  }

  #now(): number {
    return (this.#options.now ?? Date.now)();
  }

  #forget(scopes: readonly Scope[]): void {
    for (const [key, entry] of this.#tokens) if (coversScopes(scopes, entry.scopes)) this.#tokens.delete(key);
  }
}

function basicAuthorization(credentials: Credentials | undefined): Authorization {
  if (credentials === undefined) return { header: undefined, fresh: true };
  if ('user' in credentials) return { header: basic(credentials), fresh: true };
  const token = 'registryToken' in credentials ? credentials.registryToken : credentials.identityToken;
  return { header: `Bearer ${token}`, fresh: true };
}

/** Bearer before Basic: a registry that offers both wants the former of those who can. */
function chooseMethod(challenges: readonly Challenge[], options: AuthorizerOptions): Method | undefined {
  const bearer = challenges.find(({ scheme, parameters }) => scheme === 'bearer' && parameters.realm);
  if (bearer !== undefined) return { kind: 'bearer', service: tokenService(bearer, options) };
  return challenges.some(({ scheme }) => scheme === 'basic') ? { kind: 'basic' } : undefined;
}

function tokenService(
  { parameters }: Challenge,
  { registry, origin, insecure }: AuthorizerOptions,
): TokenService {
  const realm = URL.parse(parameters.realm ?? '', origin.href);
  if (realm === null || !/^https?:$/.test(realm.protocol)) {
    throw new UnauthorizedError(`${registry} names a token service that is no URL`, {
      registry,
      status: 401,
    });
  }
  if (realm.protocol === 'http:' && origin.protocol === 'https:' && !insecure) {
    const why = `${registry} wants passwords sent to ${realm.origin} by plain http; --insecure does it`;
    throw new UnauthorizedError(why, { registry, status: 401 });
  }
  return { realm, service: parameters.service };
}
