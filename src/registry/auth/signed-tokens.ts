import { createHmac, hash, hkdfSync, randomUUID, timingSafeEqual } from 'node:crypto';
import { decodeProtectedHeader, errors, type JWTPayload, jwtVerify, SignJWT } from 'jose';
import { OciError } from '../../oci/index.js';
import type { AccessTokens, ReadToken } from './access-tokens.js';
import type { Identity, Job, Login, Subject } from './authenticator.js';
import type { Scope } from './scopes.js';
import { scopesIn } from './token-claims.js';
import type { TokenKeys } from './token-keys.js';

export type SignedTokensOptions = Readonly<{
  keys: TokenKeys;
  issuer: string;
  /** Whom tokens are for. */
  service: string;
  lifetimeSeconds: number;
  /** Whether a token may let its owner list all repositories of a registry that knows no rules. */
  seesAll: (identity: Identity) => boolean;
  /** See {@link PasswordAuthenticator.recall}. */
  recall: (subject: Subject) => Promise<Login | undefined>;
  /** Milliseconds since 1970. */
  now: () => number;
}>;

const ALGORITHM = 'ES256';
/** A client shows one token many times. */
const MAX_VERIFIED = 1000;
/** Of replicas. */
const CLOCK_SECONDS = 60;

/**
 * Tokens that other registries can read, too: JSON Web Tokens. `berth` in them ties a user's token to the password,
 * without giving anything of it away: another password ends the token here at once. @see distribution spec auth/jwt.md
 */
export class SignedTokens implements AccessTokens {
  readonly #options: SignedTokensOptions;
  readonly #tie: Buffer;
  readonly #verified = new Map<string, Readonly<{ kid: string; payload: JWTPayload }>>();

  static async open(options: SignedTokensOptions): Promise<SignedTokens> {
    return new SignedTokens(options, await options.keys.secret());
  }

  private constructor(options: SignedTokensOptions, secret: Buffer) {
    this.#options = options;
    this.#tie = Buffer.from(hkdfSync('sha256', secret, '', 'berth registry token tie', 32));
  }

  async issue(
    identity: Identity,
    scopes: readonly Scope[],
    { lists: asked = false }: { lists?: boolean } = {},
  ): Promise<{ token: string; until: number }> {
    const { keys, issuer, service, lifetimeSeconds, recall, seesAll } = this.#options;
    const login = identity === 'anonymous' ? undefined : await recall(identity);
    if (identity !== 'anonymous' && login === undefined)
      throw new OciError('UNAUTHORIZED', 'the login is not valid any more; log in again');
    const { kid, key, certificate } = await keys.signing();
    const now = Math.floor(this.#options.now() / 1000);
    const exp = Math.min(
      now + lifetimeSeconds,
      Math.floor((login?.until ?? Number.POSITIVE_INFINITY) / 1000),
    );
    const repositories = scopes.map(({ repository, actions }) => ({
      type: 'repository',
      name: repository,
      actions,
    }));
    const lists = asked && seesAll(identity) ? [{ type: 'registry', name: 'catalog', actions: ['*'] }] : [];
    const token = await new SignJWT({
      access: [...repositories, ...lists],
      ...(login && { berth: { tie: this.#tieOf(login).toString('base64url'), job: login.identity.job } }),
    })
      .setProtectedHeader({ alg: ALGORITHM, typ: 'JWT', kid, x5c: [certificate.toString('base64')] })
      .setIssuer(issuer)
      .setAudience(service)
      .setSubject(login?.identity.user ?? '')
      .setIssuedAt(now)
      .setNotBefore(now)
      .setExpirationTime(exp)
      .setJti(randomUUID())
      .sign(key);
    return { token, until: exp * 1000 };
  }

  async read(token: string): Promise<ReadToken | undefined> {
    const payload = await this.#verify(token);
    if (payload === undefined) return undefined;
    const identity = await this.#identityOf(payload);
    if (identity === undefined) return undefined;
    return { identity, from: (payload.iat ?? 0) * 1000, until: (payload.exp ?? 0) * 1000 };
  }

  /** @returns also what is over: who asks looks at the time. */
  async #verify(token: string): Promise<JWTPayload | undefined> {
    const name = hash('sha256', token, 'base64');
    const known = this.#verified.get(name);
    if (known !== undefined && (await this.#options.keys.find(known.kid))) return known.payload;
    this.#verified.delete(name);
    const fresh = await this.#verifyNow(token);
    if (fresh === undefined) return undefined;
    this.#verified.set(name, fresh);
    if (this.#verified.size > MAX_VERIFIED) this.#verified.delete([...this.#verified.keys()][0] ?? name);
    return fresh.payload;
  }

  async #verifyNow(token: string): Promise<{ kid: string; payload: JWTPayload } | undefined> {
    const { keys, issuer, service, now } = this.#options;
    try {
      // Only our own keys are looked for: what else the head says of keys is for others.
      const { kid = '' } = decodeProtectedHeader(token);
      const key = await keys.find(kid);
      if (key === undefined) return undefined;
      const { payload } = await jwtVerify(token, key.publicKey, {
        algorithms: [ALGORITHM],
        issuer,
        audience: service,
        typ: 'JWT',
        clockTolerance: CLOCK_SECONDS,
        currentDate: new Date(now()),
        requiredClaims: ['exp', 'iat', 'sub'],
      }).catch((error: unknown) => {
        // Nothing else is wrong with it: this is looked at last, but for claims that we do not ask for.
        if (error instanceof errors.JWTExpired) return error;
        throw error;
      });
      return { kid, payload };
    } catch (error) {
      if (error instanceof errors.JOSEError || error instanceof TypeError) return undefined;
      throw error;
    }
  }

  async #identityOf(payload: JWTPayload): Promise<Identity | undefined> {
    if (!payload.sub) return 'anonymous';
    const { tie = '', job } = (payload.berth ?? {}) as { tie?: string; job?: Job };
    const login = await this.#options.recall({ user: payload.sub, job });
    if (login === undefined) return undefined;
    const [actual, expected] = [Buffer.from(tie, 'base64url'), this.#tieOf(login)];
    if (actual.length !== expected.length || !timingSafeEqual(actual, expected)) return undefined;
    return { ...login.identity, scopes: scopesIn(payload.access) };
  }

  #tieOf({ identity: { user }, fingerprint }: Login): Buffer {
    return createHmac('sha256', this.#tie)
      .update(JSON.stringify([user, fingerprint]))
      .digest()
      .subarray(0, 16);
  }
}
