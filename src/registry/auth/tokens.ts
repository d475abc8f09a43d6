import { createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto';
import type { AccessTokens, ReadToken } from './access-tokens.js';
import type { Identity, Job, Login, Subject } from './authenticator.js';
import type { Scope } from './scopes.js';

/**
 * What a token says: whom it is for, what it was given for, and the second since 1970 at which it ends. `refresh`: it is
 * only good for getting others.
 */
type Claims = Readonly<{
  user?: string;
  job?: Job | undefined;
  scopes?: readonly Scope[];
  refresh?: true;
  expiry: number;
}>;

export type TokensOptions = Readonly<{
  /** Replicas with the same secret take each other's tokens. Without one, tokens end with this process. */
  secret: string | Buffer | undefined;
  lifetimeSeconds: number;
  refreshSeconds: number;
  /** Milliseconds since 1970. */
  now: () => number;
  /** See {@link PasswordAuthenticator.recall}. */
  recall: (subject: Subject) => Promise<Login | undefined>;
}>;

/**
 * Makes and reads tokens: claims and a MAC over them, both in base64url. The MAC also covers the fingerprint of the
 * user's password, which is not in the token: another password ends it at once, and a secret that became known is
 * not enough to make a token for a user.
 */
export class Tokens implements AccessTokens {
  readonly #key: Buffer;
  readonly #options: TokensOptions;

  constructor(options: TokensOptions) {
    const secret = options.secret ? Buffer.from(options.secret) : randomBytes(32);
    this.#key = Buffer.from(hkdfSync('sha256', secret, '', 'berth registry token', 32));
    this.#options = options;
  }

  async issue(identity: Identity, scopes: readonly Scope[]): Promise<{ token: string; until: number }> {
    const { lifetimeSeconds } = this.#options;
    if (identity === 'anonymous') return this.#write({}, await this.#login({}), lifetimeSeconds);
    const { user, job } = identity;
    const claims = { user, job, scopes };
    return this.#write(claims, await this.#login(claims), lifetimeSeconds);
  }

  /** In place of the user's password, as long as that stays the same. */
  async issueRefresh({ user, job }: Subject): Promise<string> {
    const claims = { user, job, refresh: true } as const;
    return (await this.#write(claims, await this.#login(claims), this.#options.refreshSeconds)).token;
  }

  #write(claims: Omit<Claims, 'expiry'>, { key, until }: Known, seconds: number) {
    const expiry = Math.min(Math.floor(this.#options.now() / 1000) + seconds, Math.floor(until / 1000));
    const text = Buffer.from(JSON.stringify({ ...claims, expiry })).toString('base64url');
    return { token: `${text}.${this.#mac(text, key).toString('base64url')}`, until: expiry * 1000 };
  }

  async read(token: string): Promise<ReadToken | undefined> {
    const known = await this.#knownBy(token);
    if (known === undefined || known.claims.refresh) return undefined;
    const { scopes = [], expiry } = known.claims;
    const identity = known.identity === 'anonymous' ? known.identity : { ...known.identity, scopes };
    const until = expiry * 1000;
    return { identity, from: until - this.#options.lifetimeSeconds * 1000, until };
  }

  /** @returns `undefined` for a token that is no such one, or not valid any more. */
  async readRefresh(token: string): Promise<Identity | undefined> {
    const known = await this.#knownBy(token);
    if (!known?.claims.refresh || known.claims.expiry * 1000 <= this.#options.now()) return undefined;
    return known.identity;
  }

  async #knownBy(token: string): Promise<(Known & { claims: Claims }) | undefined> {
    const [, text = '', mac = ''] = /^([\w-]+)\.([\w-]{43})$/.exec(token) ?? [];
    const claims = claimsIn(text);
    if (claims === undefined) return undefined;
    const known = await this.#login(claims);
    if (!timingSafeEqual(this.#mac(text, known.key), Buffer.from(mac, 'base64url'))) return undefined;
    return { ...known, claims };
  }

  /** Nobody's key is unlike any user's, and so is that of a user who is gone: it is as long as none of ours. */
  async #login({ user, job }: Pick<Claims, 'user' | 'job'>): Promise<Known> {
    const identity = 'anonymous';
    if (user === undefined) return { identity, key: 'nobody', until: Number.POSITIVE_INFINITY };
    const login = await this.#options.recall({ user, job });
    if (login === undefined) return { identity, key: `gone ${randomBytes(32).toString('hex')}`, until: 0 };
    const { fingerprint, until = Number.POSITIVE_INFINITY } = login;
    return { identity: login.identity, key: `user ${fingerprint}`, until };
  }

  #mac(text: string, key: string): Buffer {
    return createHmac('sha256', this.#key).update(`${text}.${key}`).digest();
  }
}

/** Whom a token is for, and what its MAC covers besides the claims. */
type Known = Readonly<{ identity: Identity; key: string; until: number }>;

/** Not proven yet: strangers write such things too. Only what the MAC is right for was written by us. */
function claimsIn(text: string): Claims | undefined {
  try {
    const claims: unknown = JSON.parse(Buffer.from(text, 'base64url').toString());
    if (typeof claims !== 'object' || claims === null) return undefined;
    const { user } = claims as { user?: unknown };
    return user === undefined || typeof user === 'string' ? (claims as Claims) : undefined;
  } catch {
    return undefined;
  }
}
