import type { Scope } from './scopes.js';

/**
 * Who sent a request. A user may be called "anonymous"; that is not the same as nobody having logged in.
 * `scopes` is what the user's token was asked for: it may not be used for more, whatever the rules say.
 */
export type Identity =
  | Readonly<{
      user: string;
      scopes?: readonly Scope[];
      /** Whether the token is for lists of repositories, where it says so. */
      lists?: boolean;
    }>
  | 'anonymous';

/** `proven`: by valid credentials. Nobody can be that too, by a token for nobody. */
export type Caller = Readonly<{ identity: Identity; proven: boolean }>;

/** What a 401 can say besides how to log in. RFC 6750 section 3. */
export type ChallengeDetails = Readonly<{
  /** Where tokens are given, without a query; `undefined` when it is not known how clients reach us. */
  tokenUrl: string | undefined;
  /** What the request needs, as in distribution spec auth/scope.md. */
  scope?: string | undefined;
  error?: 'invalid_token' | 'insufficient_scope' | undefined;
}>;

/** Finds out who sent a request. What they may do is for {@link AccessRules} to say. */
export interface Authenticator {
  /** Whether callers can be anything but anonymous. */
  readonly canLogIn: boolean;
  /** The value of `WWW-Authenticate` for a 401; `undefined` where nobody can log in. */
  challenge(details: ChallengeDetails): string | undefined;
  /**
   * @param header the value of `Authorization`. Without one, the caller is anonymous; it does not fail.
   * @throws {OciError} UNAUTHORIZED: credentials that are wrong or not of a kind we know; TOOMANYREQUESTS: more
   *   passwords wait to be checked than we are willing to queue.
   */
  authenticate(header: string | undefined): Promise<Caller>;
  /** Forgets all that was remembered. To be called once, when no more requests can come. */
  close(): void;
}

/** Knows users by their passwords. */
export interface PasswordAuthenticator extends Authenticator {
  /** The challenge that asks for a password. */
  challenge(): string;
  /** Another text whenever the password of the user is another; `undefined`: there is no such user. Never slow. */
  fingerprint(user: string): Promise<string | undefined>;
}

/** Knows nobody: credentials are ignored, as by the reference registry without an `auth` section. */
export class OpenAuthenticator implements Authenticator {
  readonly canLogIn = false;

  challenge(): undefined {
    return undefined;
  }

  async authenticate(): Promise<Caller> {
    return { identity: 'anonymous', proven: false };
  }

  close(): void {}
}
