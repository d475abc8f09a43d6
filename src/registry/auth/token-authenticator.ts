import { OciError } from '../../oci/index.js';
import type {
  Authenticator,
  Caller,
  ChallengeDetails,
  Identity,
  PasswordAuthenticator,
} from './authenticator.js';
import type { Scope } from './scopes.js';
import { Tokens } from './tokens.js';

export type TokenAuthenticatorOptions = Readonly<{
  /** Shared by replicas; without one, tokens are good for this process only. */
  secret?: string | undefined;
  /** Milliseconds since 1970. */
  now?: (() => number) | undefined;
}>;

/** An answer of the token endpoint. distribution spec auth/token.md, "Token Response Fields". */
export type IssuedToken = Readonly<{
  token: string;
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
  readonly #now: () => number;
  readonly #tokens: Tokens;
  readonly #canRefresh: boolean;

  constructor(passwords: PasswordAuthenticator, options: TokenAuthenticatorOptions = {}) {
    this.#passwords = passwords;
    this.#now = options.now ?? Date.now;
    // Those who logged in would be logged out by a restart.
    this.#canRefresh = Boolean(options.secret);
    this.#tokens = new Tokens({
      secret: options.secret,
      lifetimeSeconds: LIFETIME_SECONDS,
      refreshSeconds: REFRESH_SECONDS,
      now: this.#now,
      fingerprint: (user) => passwords.fingerprint(user),
    });
  }

  /** Simple clients look for the last "basic" or "bearer" in it, and read quoted values only. */
  challenge({ tokenUrl, scope, error }: ChallengeDetails): string {
    if (tokenUrl === undefined) return this.passwordChallenge;
    const parameters = Object.entries({ realm: tokenUrl, service: serviceAt(tokenUrl), scope, error });
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
    const identity = await this.#tokens.read(token);
    if (identity === undefined) {
      throw new OciError('UNAUTHORIZED', 'the token is not valid, or not any more; ask for another one');
    }
    return { identity, proven: true };
  }

  /**
   * @param header `Basic` credentials, or none for a token for nobody.
   * @param options `offline`: with another token, to be used in place of the password from now on.
   * @throws {OciError} as `authenticate`, and UNAUTHORIZED for a token.
   */
  async issue(
    header: string | undefined,
    scopes: readonly Scope[],
    { offline = false }: { offline?: boolean } = {},
  ): Promise<IssuedToken> {
    const { identity } = await this.#passwords.authenticate(header);
    const issued = await this.#issue(identity, scopes);
    if (!offline || identity === 'anonymous' || !this.#canRefresh) return issued;
    return { ...issued, refreshToken: await this.#tokens.issueRefresh(identity.user) };
  }

  /** @throws {OciError} UNAUTHORIZED: it is not valid any more. */
  async refresh(token: string, scopes: readonly Scope[]): Promise<IssuedToken> {
    const user = await this.#tokens.readRefresh(token);
    if (user === undefined)
      throw new OciError('UNAUTHORIZED', 'the login is not valid any more; log in again');
    return { ...(await this.#issue({ user }, scopes)), refreshToken: token };
  }

  async #issue(identity: Identity, scopes: readonly Scope[]): Promise<IssuedToken> {
    const limited = identity === 'anonymous' ? identity : { ...identity, scopes };
    const issuedAt = new Date(this.#now());
    return { token: await this.#tokens.issue(limited), lifetimeSeconds: LIFETIME_SECONDS, issuedAt };
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
