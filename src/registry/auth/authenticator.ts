import { OciError } from '../../oci/index.js';
import type { Grants } from './grants.js';
import type { Scope } from './scopes.js';

/** A job of a CI service that logged in by what the service says of it; `until` in milliseconds since 1970. */
export type Job = Readonly<{ issuer: string; claims: Readonly<Record<string, string>>; until: number }>;

/** Somebody who logged in, by what is needed to find out again what is known of them. */
export type Subject = Readonly<{ user: string; job?: Job | undefined }>;

/** `scopes` is what the user's token was given for: it may not be used for more, whatever the rules say. */
export type KnownUser = Subject &
  Readonly<{
    scopes?: readonly Scope[];
    /** Whether the token is for lists of repositories, where it says so. */
    lists?: boolean;
    /** What robots and jobs may do, in place of the rules. */
    grants?: Grants;
  }>;

/** Who sent a request. A user may be called "anonymous"; that is not the same as nobody having logged in. */
export type Identity = KnownUser | 'anonymous';

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
   * @throws {EndedTokenError} so that what began with a token may be ended with it.
   */
  authenticate(header: string | undefined): Promise<Caller>;
  /** Forgets all that was remembered. To be called once, when no more requests can come. */
  close(): void;
}

/** What is known of somebody who can log in. */
export type Login = Readonly<{
  identity: KnownUser;
  /** Another text whenever the password is another. */
  fingerprint: string;
  /** When it ends by itself, in milliseconds since 1970. */
  until?: number | undefined;
}>;

/** Knows users by their passwords. */
export interface PasswordAuthenticator extends Authenticator {
  /** The challenge that asks for a password. */
  challenge(): string;
  /** What is known by now of one who logged in before; `undefined`: they cannot any more. Never slow. */
  recall(subject: Subject): Promise<Login | undefined>;
}

/** Somebody may not log in. `user` only where there is one of that name: people type passwords where names go. */
export class RefusedLoginError extends OciError {
  readonly user: string | undefined;

  /** @param message without one, the same for who is unknown and whose password is wrong. */
  constructor(user: string | undefined, message = 'wrong user name or password') {
    super('UNAUTHORIZED', message);
    this.user = user;
  }
}

/** The token was valid, but is not any more. @see {@link Authenticator.authenticate} */
export class EndedTokenError extends OciError {
  readonly caller: Caller;
  /** When it was valid, in milliseconds since 1970. */
  readonly validity: Readonly<{ from: number; until: number }>;

  constructor(caller: Caller, validity: Readonly<{ from: number; until: number }>, options?: ErrorOptions) {
    super('UNAUTHORIZED', 'the token is not valid any more; ask for another one', options);
    this.caller = caller;
    this.validity = validity;
  }
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
