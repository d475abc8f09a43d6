import type { Identity } from './authenticator.js';
import type { Scope } from './scopes.js';

/** Valid at some time: `from` and `until` in milliseconds since 1970. */
export type ReadToken = Readonly<{ identity: Identity; from: number; until: number }>;

/** What a caller shows instead of a password, for a while. Our own are {@link Tokens}, for all to read {@link SignedTokens}. */
export interface AccessTokens {
  /**
   * @param scopes what it is to be good for. `lists`: it is asked for lists of all repositories, too.
   * @returns the token, and when it ends, in milliseconds since 1970.
   */
  issue(
    identity: Identity,
    scopes: readonly Scope[],
    options?: { lists?: boolean },
  ): Promise<Readonly<{ token: string; until: number }>>;
  /** @returns also what ended already; `undefined` for a token that is not ours, or whose user is gone or has changed. */
  read(token: string): Promise<ReadToken | undefined>;
}
