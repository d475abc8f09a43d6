import { OciError } from '../../oci/index.js';
import type { Authenticator, Caller, ChallengeDetails, PasswordAuthenticator } from './authenticator.js';
import type { Scope } from './scopes.js';
import { Tokens } from './tokens.js';

export type TokenAuthenticatorOptions = Readonly<{
  /** Shared by replicas; without one, tokens are good for this process only. */
  secret?: string | undefined;
  /** Milliseconds since 1970. */
  now?: (() => number) | undefined;
}>;

/** An answer to `GET /auth/token`. distribution spec auth/token.md, "Token Response Fields". */
export type IssuedToken = Readonly<{ token: string; lifetimeSeconds: number; issuedAt: Date }>;

/** Long enough for most pushes: some clients do not ask again before the end of one. */
const LIFETIME_SECONDS = 30 * 60;

/**
 * Lets callers show a token instead of a password, and gives tokens to callers without a password too: docker pulls
 * nothing without a login unless it gets one. distribution spec auth/token.md.
 */
export class TokenAuthenticator implements Authenticator {
  readonly canLogIn = true;
  readonly #passwords: PasswordAuthenticator;
  readonly #now: () => number;
  readonly #tokens: Tokens;

  constructor(passwords: PasswordAuthenticator, options: TokenAuthenticatorOptions = {}) {
    this.#passwords = passwords;
    this.#now = options.now ?? Date.now;
    this.#tokens = new Tokens({
      secret: options.secret,
      lifetimeSeconds: LIFETIME_SECONDS,
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
   * @throws {OciError} as `authenticate`, and UNAUTHORIZED for a token.
   */
  async issue(header: string | undefined, scopes: readonly Scope[]): Promise<IssuedToken> {
    const { identity } = await this.#passwords.authenticate(header);
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
