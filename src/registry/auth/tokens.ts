import { createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Identity } from './authenticator.js';
import type { Scope } from './scopes.js';

/**
 * What a token says: whom it is for, what it was asked for, and the second since 1970 at which it ends. `refresh`: it is
 * only good for getting others.
 */
type Claims = Readonly<{ user?: string; scopes?: readonly Scope[]; refresh?: true; expiry: number }>;

export type TokensOptions = Readonly<{
  /** Replicas with the same secret take each other's tokens. Without one, tokens end with this process. */
  secret: string | undefined;
  lifetimeSeconds: number;
  refreshSeconds: number;
  /** Milliseconds since 1970. */
  now: () => number;
  /** See {@link PasswordAuthenticator.fingerprint}. */
  fingerprint: (user: string) => Promise<string | undefined>;
}>;

/**
 * Makes and reads tokens: claims and a MAC over them, both in base64url. The MAC also covers the fingerprint of the
 * user's password, which is not in the token: another password ends it at once, and a secret that became known is
 * not enough to make a token for a user.
 */
export class Tokens {
  readonly #key: Buffer;
  readonly #options: TokensOptions;

  constructor(options: TokensOptions) {
    const secret = options.secret ? Buffer.from(options.secret) : randomBytes(32);
    this.#key = Buffer.from(hkdfSync('sha256', secret, '', 'berth registry token', 32));
    this.#options = options;
  }

  issue(identity: Identity): Promise<string> {
    const expiry = this.#after(this.#options.lifetimeSeconds);
    return this.#write(identity === 'anonymous' ? { expiry } : { ...identity, expiry });
  }

  /** In place of the user's password, as long as that stays the same. */
  issueRefresh(user: string): Promise<string> {
    return this.#write({ user, refresh: true, expiry: this.#after(this.#options.refreshSeconds) });
  }

  #after(seconds: number): number {
    return Math.floor(this.#options.now() / 1000) + seconds;
  }

  async #write(claims: Claims): Promise<string> {
    const text = Buffer.from(JSON.stringify(claims)).toString('base64url');
    return `${text}.${this.#mac(text, await this.#fingerprintOf(claims)).toString('base64url')}`;
  }

  /** @returns `undefined` for a token that is not ours, or not valid any more. */
  async read(token: string): Promise<Identity | undefined> {
    const claims = await this.#claimsOf(token);
    if (claims === undefined || claims.refresh) return undefined;
    return claims.user === undefined ? 'anonymous' : { user: claims.user, scopes: claims.scopes ?? [] };
  }

  /** @returns the user; `undefined` for a token that is no such one, or not valid any more. */
  async readRefresh(token: string): Promise<string | undefined> {
    const claims = await this.#claimsOf(token);
    return claims?.refresh ? claims.user : undefined;
  }

  async #claimsOf(token: string): Promise<Claims | undefined> {
    const [, text = '', mac = ''] = /^([\w-]+)\.([\w-]{43})$/.exec(token) ?? [];
    const claims = claimsIn(text);
    if (claims === undefined) return undefined;
    const expected = this.#mac(text, await this.#fingerprintOf(claims));
    if (!timingSafeEqual(expected, Buffer.from(mac, 'base64url'))) return undefined;
    return claims.expiry * 1000 <= this.#options.now() ? undefined : claims;
  }

  /** Nobody's is unlike any user's, and so is that of a user who is gone: it is as long as none of ours. */
  async #fingerprintOf({ user }: Claims): Promise<string> {
    if (user === undefined) return 'nobody';
    const fingerprint = await this.#options.fingerprint(user);
    return fingerprint === undefined ? `gone ${randomBytes(32).toString('hex')}` : `user ${fingerprint}`;
  }

  #mac(text: string, fingerprint: string): Buffer {
    return createHmac('sha256', this.#key).update(`${text}.${fingerprint}`).digest();
  }
}

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
