/** Who sent a request. A user may be called "anonymous"; that is not the same as nobody having logged in. */
export type Identity = Readonly<{ user: string }> | 'anonymous';

/** Finds out who sent a request. What they may do is for {@link AccessRules} to say. */
export interface Authenticator {
  /** The value of `WWW-Authenticate` for a 401; `undefined` where nobody can log in. */
  readonly challenge: string | undefined;
  /**
   * @param header the value of `Authorization`. Without one, the caller is anonymous; it does not fail.
   * @throws {OciError} UNAUTHORIZED: credentials that are wrong or not of a kind we know; TOOMANYREQUESTS: more
   *   passwords wait to be checked than we are willing to queue.
   */
  authenticate(header: string | undefined): Promise<Identity>;
  /** Forgets all that was remembered. To be called once, when no more requests can come. */
  close(): void;
}

/** Knows nobody: credentials are ignored, as by the reference registry without an `auth` section. */
export class OpenAuthenticator implements Authenticator {
  readonly challenge = undefined;

  async authenticate(): Promise<Identity> {
    return 'anonymous';
  }

  close(): void {}
}
