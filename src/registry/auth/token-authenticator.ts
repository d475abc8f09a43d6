import { OciError } from '../../oci/index.js';
import type { AccessTokens } from './access-tokens.js';
import {
  type Authenticator,
  type Caller,
  type ChallengeDetails,
  EndedTokenError,
  type Identity,
  type PasswordAuthenticator,
} from './authenticator.js';
import type { Scope } from './scopes.js';
import { Tokens } from './tokens.js';

export type TokenAuthenticatorOptions = Readonly<{
  /** Shared by replicas; without one, tokens are good for this process only. */
  secret?: string | Buffer | undefined;
  /** Without it, tokens are for us alone. */
  signed?: SigningOptions | undefined;
  /** Narrows what is asked for to what the caller may do; without it, that is only found out when a token is used. */
  granted?: ((identity: Identity, scopes: readonly Scope[]) => Scope[]) | undefined;
  /** Milliseconds since 1970. */
  now?: (() => number) | undefined;
}>;

/** Tokens that others can read. */
export type SigningOptions = Readonly<{
  tokens: AccessTokens;
  /** What clients are told that they are for. */
  service: string;
}>;

/** An answer of the token endpoint. distribution spec auth/token.md, "Token Response Fields". */
export type IssuedToken = Readonly<{
  token: string;
  scopes: readonly Scope[];
  lifetimeSeconds: number;
  issuedAt: Date;
  refreshToken?: string;
}>;

/** Long enough for most pushes: some clients do not ask again before the end of one. */
const LIFETIME_SECONDS = 30 * 60;
/** For a client that keeps a token in place of a password. */
const REFRESH_SECONDS = 90 * 24 * 60 * 60;

/**
 * Lets callers show a token instead of a password, and gives tokens to callers without a password too: docker pulls
 * nothing without a login unless it gets one. distribution spec auth/token.md.
 */
export class TokenAuthenticator implements Authenticator {
  readonly canLogIn = true;
  readonly #passwords: PasswordAuthenticator;
  readonly #options: TokenAuthenticatorOptions;
  readonly #now: () => number;
  readonly #tokens: Tokens;
  readonly #access: AccessTokens;

  constructor(passwords: PasswordAuthenticator, options: TokenAuthenticatorOptions = {}) {
    this.#passwords = passwords;
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#tokens = new Tokens({
      secret: options.secret,
      lifetimeSeconds: LIFETIME_SECONDS,
      refreshSeconds: REFRESH_SECONDS,
      now: this.#now,
      recall: (subject) => passwords.recall(subject),
    });
    this.#access = options.signed?.tokens ?? this.#tokens;
  }

  /** Simple clients look for the last "basic" or "bearer" in it, and read quoted values only. */
  challenge({ tokenUrl, scope, error }: ChallengeDetails): string {
    if (tokenUrl === undefined) return this.passwordChallenge;
    const service = this.#options.signed?.service ?? serviceAt(tokenUrl);
    const parameters = Object.entries({ realm: tokenUrl, service, scope, error });
    const present = parameters.filter(([, value]) => value !== undefined);
    return `Bearer ${present.map(([name, value]) => `${name}="${value}"`).join(',')}`;
  }

  /** For where tokens are given: to get one with another one would make it last for ever. */
  get passwordChallenge(): string {
    return this.#passwords.challenge();
  }

  async authenticate(header: string | undefined): Promise<Caller> {
    const [bearer, token = ''] = /^bearer +(.*?) *$/i.exec(header ?? '') ?? [];
    if (bearer === undefined) return this.#passwords.authenticate(header);
    const read = await this.#access.read(token);
    if (read === undefined) {
      throw new OciError('UNAUTHORIZED', 'the token is not valid, or not any more; ask for another one');
    }
    const { identity, ...validity } = read;
    const caller = { identity, proven: true };
    if (validity.until <= this.#now()) throw new EndedTokenError(caller, validity);
    return caller;
  }

  /**
   * @param header `Basic` credentials, or none for a token for nobody.
   * @param options `offline`: with another token, to be used in place of the password from now on.
   *   `lists`: it is asked for lists of all repositories, too.
   * @throws {OciError} as `authenticate`, and UNAUTHORIZED for a token.
   */
  async issue(
    header: string | undefined,
    scopes: readonly Scope[],
    { offline = false, lists = false }: { offline?: boolean; lists?: boolean } = {},
  ): Promise<IssuedToken> {
    const { identity } = await this.#passwords.authenticate(header);
    const issued = await this.#issue(identity, scopes, { lists });
    // Without a secret that lasts, those who logged in would be logged out by a restart.
    if (!offline || identity === 'anonymous' || !this.#options.secret) return issued;
    return { ...issued, refreshToken: await this.#tokens.issueRefresh(identity) };
  }

  /** @throws {OciError} UNAUTHORIZED: it is not valid any more. */
  async refresh(
    token: string,
    scopes: readonly Scope[],
    options: { lists?: boolean } = {},
  ): Promise<IssuedToken> {
    const identity = await this.#tokens.readRefresh(token);
    if (identity === undefined)
      throw new OciError('UNAUTHORIZED', 'the login is not valid any more; log in again');
    return { ...(await this.#issue(identity, scopes, options)), refreshToken: token };
  }

  async #issue(
    identity: Identity,
    asked: readonly Scope[],
    options: { lists?: boolean },
  ): Promise<IssuedToken> {
    const scopes = this.#options.granted?.(identity, asked) ?? asked;
    const issuedAt = new Date(this.#now());
    const { token, until } = await this.#access.issue(identity, scopes, options);
    const lifetimeSeconds = Math.max(0, Math.ceil((until - issuedAt.getTime()) / 1000));
    return { token, scopes, lifetimeSeconds, issuedAt };
  }

  close(): void {
    this.#passwords.close();
  }
}

/** Some clients paste the service into a URL as it is, and some stumble over the name of a scheme in it. */
function serviceAt(tokenUrl: string): string {
  const { host } = new URL(tokenUrl);
  return /basic|bearer|[^\w.:-]/i.test(host) ? 'registry' : host;
}
