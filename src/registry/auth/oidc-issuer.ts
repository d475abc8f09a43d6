import { request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { text } from 'node:stream/consumers';
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import { endWith } from '../../proxy/index.js';

export type OidcIssuerOptions = Readonly<{
  /** Its URL, as its tokens name it. */
  issuer: string;
  /** PEM certificates to trust in place of the system's. */
  ca?: readonly string[] | undefined;
  /** Milliseconds of any clock that never goes back. */
  now: () => number;
}>;

const TIMEOUT_MS = 5000;
/** After a failure, for which anybody may be to blame. */
const PAUSE_MS = 5000;
/** Strangers name keys that do not exist: they are looked for so often at most. */
const COOLDOWN_MS = 30_000;
/** A key that the issuer took back is not believed for longer. */
const MAX_AGE_MS = 10 * 60 * 1000;
const MAX_BYTES = 1024 * 1024;

/** The issuer, or what it published, cannot be had now. */
export class IssuerUnavailableError extends Error {
  override readonly name = 'IssuerUnavailableError';
}

type KeySet = Readonly<{ find: ReturnType<typeof createLocalJWKSet>; readAt: number }>;

/** The keys of an issuer, wherever it says that they are. @see OpenID Connect Discovery 1.0 section 4 */
export class OidcIssuer {
  readonly #options: OidcIssuerOptions;
  #keySet: KeySet | undefined;
  #reading: Promise<KeySet> | undefined;
  #retryAt = 0;

  constructor(options: OidcIssuerOptions) {
    this.#options = options;
  }

  /** For jose. @throws {IssuerUnavailableError} @throws {JWKSNoMatchingKey} it has no such key. */
  readonly getKey: JWTVerifyGetKey = async (...args) => {
    const keySet = this.#keySet !== undefined && this.freshForMs > 0 ? this.#keySet : await this.#read();
    try {
      return await keySet.find(...args);
    } catch (error) {
      const mayBeNew = error instanceof errors.JWKSNoMatchingKey && this.#age(keySet) >= COOLDOWN_MS;
      if (!mayBeNew) throw error;
      return (await this.#read()).find(...args);
    }
  };

  /** How long its keys are still believed without asking again. */
  get freshForMs(): number {
    return this.#keySet === undefined ? 0 : Math.max(0, MAX_AGE_MS - this.#age(this.#keySet));
  }

  #age({ readAt }: KeySet): number {
    return this.#options.now() - readAt;
  }

  /** One at a time, for all who wait. */
  #read(): Promise<KeySet> {
    const { issuer, now } = this.#options;
    if (this.#reading !== undefined) return this.#reading;
    if (now() < this.#retryAt)
      throw new IssuerUnavailableError(`${issuer} could not be asked for its keys just now`);
    const readAt = now();
    this.#reading = this.#discover()
      .then(
        (find) => {
          this.#keySet = { find, readAt };
          return this.#keySet;
        },
        (error: unknown) => {
          this.#retryAt = now() + PAUSE_MS;
          throw error;
        },
      )
      .finally(() => {
        this.#reading = undefined;
      });
    return this.#reading;
  }

  async #discover(): Promise<KeySet['find']> {
    const { issuer } = this.#options;
    const { issuer: named, jwks_uri } = await this.#json(
      `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`,
    );
    if (named !== issuer)
      throw new IssuerUnavailableError(`what is at ${issuer} calls itself ${JSON.stringify(named)}`);
    const url = URL.parse(String(jwks_uri));
    const isSafe = url?.protocol === 'https:' || url?.protocol === new URL(issuer).protocol;
    if (url === null || !isSafe)
      throw new IssuerUnavailableError(`${issuer} names no place of its keys that can be trusted`);
    const keys = await this.#json(url.href);
    try {
      return createLocalJWKSet(keys as unknown as JSONWebKeySet);
    } catch (error) {
      throw new IssuerUnavailableError(`${url.href} is no JSON Web Key Set`, { cause: error });
    }
  }

  async #json(url: string): Promise<Record<string, unknown>> {
    const body = await this.#text(url);
    try {
      return Object(JSON.parse(body)) as Record<string, unknown>;
    } catch (error) {
      throw new IssuerUnavailableError(`${url} is not JSON`, { cause: error });
    }
  }

  /** Redirects are not followed: they could lead to anybody. */
  async #text(url: string): Promise<string> {
    const request = url.startsWith('https:') ? tlsRequest : plainRequest;
    const { ca } = this.#options;
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const options = { ...(ca && { ca: [...ca] }), headers: { Accept: 'application/json' } };
    const outgoing = request(url, options, (answer) => {
      if (answer.statusCode !== 200) {
        answer.resume();
        return reject(new Error(`it answers ${answer.statusCode}`));
      }
      let bytes = 0;
      answer.on('data', (chunk: Uint8Array) => {
        bytes += chunk.byteLength;
        if (bytes > MAX_BYTES) answer.destroy(new Error('it answers too much'));
      });
      text(answer).then(resolve, reject);
    });
    endWith(signal, outgoing);
    outgoing.on('error', reject).end();
    try {
      return await promise;
    } catch (error) {
      const late = signal.aborted ? `no answer within ${TIMEOUT_MS} ms` : undefined;
      const reason = late ?? (error instanceof Error ? error.message : String(error));
      throw new IssuerUnavailableError(`${url} cannot be read: ${reason}`, { cause: error });
    }
  }
}
