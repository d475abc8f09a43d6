import { createHash } from 'node:crypto';
import { decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from 'jose';
import { OciError } from '../../oci/index.js';
import { TOKEN_ALGORITHMS } from '../config/index.js';
import {
  type Authenticator,
  type Caller,
  type ChallengeDetails,
  EndedTokenError,
  type Identity,
} from './authenticator.js';
import { listsIn, scopesIn } from './token-claims.js';
import type { KeyHint, TrustedKeys } from './trusted-keys.js';
import type { AuthLog } from './watched-file.js';
import { type KeyFiles, WatchedKeys } from './watched-keys.js';

export type BearerOptions = KeyFiles &
  Readonly<{
    /** Where clients get tokens. */
    realm: string;
    /** What tokens must be for, and by whom. */
    service: string;
    issuer: string;
    /** Empty allows all of {@link TOKEN_ALGORITHMS}. */
    algorithms: readonly string[];
    /** Path of the realm at the address that the client asked, instead of `realm`. */
    redirectPath?: string | undefined;
    log: AuthLog;
    /** Milliseconds of any clock that never goes back. */
    now?: (() => number) | undefined;
  }>;

/** Between the clocks of issuer and registry. */
const LEEWAY_SECONDS = 60;
/** A client shows one token many times. */
const MAX_VERIFIED = 1000;

/** Takes tokens of another server, for what they say. @see distribution spec auth/jwt.md */
export class BearerAuthenticator implements Authenticator {
  readonly canLogIn = true;
  readonly #options: BearerOptions;
  readonly #algorithms: string[];
  readonly #files: WatchedKeys;
  #keys: TrustedKeys;
  /** With those keys. */
  readonly #verified = new Map<string, Readonly<{ caller: Caller; expiresAt: number }>>();

  /** @throws {Error} naming the key of the configuration. */
  static async open(options: BearerOptions): Promise<BearerAuthenticator> {
    const files = await WatchedKeys.open({ ...options, now: options.now ?? (() => performance.now()) });
    return new BearerAuthenticator(options, files, await files.current());
  }

  private constructor(options: BearerOptions, files: WatchedKeys, keys: TrustedKeys) {
    this.#options = options;
    this.#algorithms = [...(options.algorithms.length > 0 ? options.algorithms : TOKEN_ALGORITHMS)];
    this.#files = files;
    this.#keys = keys;
  }

  challenge({ tokenUrl, scope, error }: ChallengeDetails): string {
    const { service, redirectPath } = this.#options;
    const redirected = redirectPath && tokenUrl ? new URL(redirectPath, tokenUrl).href : undefined;
    const parameters = Object.entries({ realm: redirected ?? this.#options.realm, service, scope, error });
    const present = parameters.filter(([, value]) => value !== undefined);
    return `Bearer ${present.map(([name, value]) => `${name}="${value}"`).join(',')}`;
  }

  async authenticate(header: string | undefined): Promise<Caller> {
    const [, token] = /^bearer +(.*?) *$/i.exec(header ?? '') ?? [];
    if (token === undefined) return { identity: 'anonymous', proven: false };
    await this.#refreshKeys();
    const key = createHash('sha256').update(token).digest('base64');
    const known = this.#verified.get(key);
    if (known !== undefined && Date.now() < known.expiresAt) return known.caller;
    this.#verified.delete(key);
    const keys = this.#keys;
    const claims = await this.#verify(token, keys);
    const caller = { identity: identityOf(claims), proven: true };
    if (keys !== this.#keys) return caller;
    this.#verified.set(key, { caller, expiresAt: ((claims.exp ?? 0) + LEEWAY_SECONDS) * 1000 });
    if (this.#verified.size > MAX_VERIFIED) this.#verified.delete([...this.#verified.keys()][0] ?? key);
    return caller;
  }

  close(): void {
    this.#verified.clear();
  }

  /** What was signed with a key that is gone counts no more. */
  async #refreshKeys(): Promise<void> {
    const keys = await this.#files.current();
    if (keys === this.#keys) return;
    this.#keys = keys;
    this.#verified.clear();
  }

  async #verify(token: string, keys: TrustedKeys): Promise<JWTPayload> {
    const { service, issuer } = this.#options;
    try {
      const key = keys.find(decodeProtectedHeader(token) as KeyHint);
      if (key === undefined) throw new errors.JOSEError('nobody here trusts the key that it is signed with');
      const { payload } = await jwtVerify(token, key, {
        algorithms: this.#algorithms,
        issuer,
        audience: service,
        clockTolerance: LEEWAY_SECONDS,
        requiredClaims: ['exp'],
      });
      if (!hasName(payload)) throw new errors.JWTInvalid('its subject is no text');
      return payload;
    } catch (error) {
      // Nothing else is wrong with it: the time is looked at last.
      if (error instanceof errors.JWTExpired && hasName(error.payload)) throw endedToken(error);
      const reason = error instanceof Error ? error.message : String(error);
      this.#options.log.info({ reason }, 'a token was refused');
      throw new OciError('UNAUTHORIZED', 'the token is not valid, or not any more; ask for another one', {
        cause: error,
      });
    }
  }
}

function endedToken(error: errors.JWTExpired): EndedTokenError {
  const { iat, nbf, exp = 0 } = error.payload;
  const validity = { from: (iat ?? nbf ?? exp) * 1000, until: exp * 1000 };
  return new EndedTokenError({ identity: identityOf(error.payload), proven: true }, validity, {
    cause: error,
  });
}

/** The library leaves this to us. RFC 7519 section 4.1.2. */
function hasName({ sub = '' }: Readonly<{ sub?: unknown }>): boolean {
  return typeof sub === 'string';
}

/** Tokens for nobody have an empty subject; what they are good for is said in them all the same. */
function identityOf({ sub = '', access }: JWTPayload): Identity {
  return { user: sub, scopes: scopesIn(access), lists: listsIn(access) };
}
