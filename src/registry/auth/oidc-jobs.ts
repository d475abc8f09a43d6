import { hash } from 'node:crypto';
import { decodeJwt, errors, type JWTPayload, jwtVerify } from 'jose';
import { OciError } from '../../oci/index.js';
import { TOKEN_ALGORITHMS } from '../config/index.js';
import { type Job, type KnownUser, type Login, RefusedLoginError, type Subject } from './authenticator.js';
import { type JobRule, JobRules } from './job-rules.js';
import { JOB_USER, type JobLogins } from './logins.js';
import { IssuerUnavailableError, OidcIssuer } from './oidc-issuer.js';
import type { AuthLog } from './watched-file.js';

/** A CI service that says in tokens of its own which of its jobs shows one. */
export type OidcService = Readonly<{
  issuer: string;
  /** Whom its tokens must be for: one of these. */
  audience: readonly string[];
  /** PEM certificates to trust in place of the system's. */
  ca?: readonly string[] | undefined;
  /** How long a login lasts. */
  sessionMs: number;
  rules: readonly JobRule[];
}>;

type Service = OidcService & Readonly<{ keys: OidcIssuer; jobRules: JobRules }>;

const MAX_TOKEN_BYTES = 16 * 1024;
const MAX_CLAIM_LENGTH = 1000;
const LEEWAY_SECONDS = 30;
/** A job shows one token many times where it does not ask for ours. */
const MAX_VERIFIED = 1000;

/** Lets jobs of CI services log in, with no password stored anywhere. @see OpenID Connect Core 1.0 section 3.1.3.7 */
export class OidcJobs implements JobLogins {
  readonly #services: ReadonlyMap<string, Service>;
  readonly #verified = new Map<string, Readonly<{ subject: Subject; expiresAt: number }>>();
  readonly #log: AuthLog;
  readonly #now: () => number;

  /**
   * @param options `now` in milliseconds since 1970.
   * @throws {Error} naming the key of the configuration and what is wrong with it.
   */
  constructor(services: readonly OidcService[], options: { log: AuthLog; now: () => number }) {
    this.#log = options.log;
    this.#now = options.now;
    this.#services = new Map(
      services.map((service, i) => {
        const keys = new OidcIssuer({ ...service, now: () => performance.now() });
        const jobRules = new JobRules(service.rules, `berth.oidc[${i}].rules`);
        return [service.issuer, { ...service, keys, jobRules }];
      }),
    );
  }

  async authenticate(token: Buffer): Promise<KnownUser> {
    const name = hash('sha256', token, 'base64');
    const known = this.#verified.get(name);
    if (known !== undefined && this.#now() < known.expiresAt) return this.#identityOf(known.subject);
    this.#verified.delete(name);
    const fresh = await this.#verify(token);
    const identity = this.#identityOf(fresh.subject);
    this.#verified.set(name, fresh);
    if (this.#verified.size > MAX_VERIFIED) this.#verified.delete([...this.#verified.keys()][0] ?? name);
    this.#log.info({ issuer: fresh.subject.job?.issuer, user: identity.user }, 'a job logged in');
    return identity;
  }

  recall({ user, job }: Subject): Login | undefined {
    if (!isJob(job) || job.until <= this.#now()) return undefined;
    const grants = this.#services.get(job.issuer)?.jobRules.grantsFor(job.claims);
    if (grants === undefined) return undefined;
    return { identity: { user, job, grants }, fingerprint: 'job', until: job.until };
  }

  #identityOf(subject: Subject): KnownUser {
    const login = this.recall(subject);
    if (login !== undefined) return login.identity;
    const { issuer, claims } = subject.job ?? {};
    this.#log.info({ issuer, user: subject.user, claims }, 'no rule of berth.oidc lets this job in');
    throw new RefusedLoginError(subject.user, 'no rule of this registry lets this job in, or not any more');
  }

  async #verify(token: Buffer): Promise<{ subject: Subject; expiresAt: number }> {
    try {
      if (token.length > MAX_TOKEN_BYTES) throw new errors.JWTInvalid('it is too long');
      const text = token.toString('latin1');
      const { iss = '' } = decodeJwt(text);
      const service = this.#services.get(iss);
      if (service === undefined) throw new errors.JWTInvalid('nobody here trusts its issuer');
      const { payload } = await jwtVerify(text, service.keys.getKey, {
        algorithms: [...TOKEN_ALGORITHMS],
        issuer: service.issuer,
        audience: [...service.audience],
        clockTolerance: LEEWAY_SECONDS,
        currentDate: new Date(this.#now()),
        requiredClaims: ['exp', 'sub'],
      });
      if (typeof payload.sub !== 'string' || payload.sub === '')
        throw new errors.JWTInvalid('its subject is no text');
      return this.#loginOf(payload, service);
    } catch (error) {
      throw this.#refusal(error);
    }
  }

  /** Remembered no longer than the token, the login and the key are good for: whoever comes later is looked at anew. */
  #loginOf(
    payload: JWTPayload,
    { issuer, sessionMs, jobRules, keys }: Service,
  ): { subject: Subject; expiresAt: number } {
    const { sub = '', exp = 0 } = payload;
    const claims = jobRules.claims.flatMap((name) => {
      const value = Object.hasOwn(payload, name) ? payload[name] : undefined;
      const isPlain = ['string', 'number', 'boolean'].includes(typeof value);
      const text = isPlain ? String(value) : '';
      return isPlain && text.length <= MAX_CLAIM_LENGTH ? [[name, text] as const] : [];
    });
    const until = this.#now() + sessionMs;
    const job = { issuer, claims: Object.fromEntries(claims), until };
    const subject = { user: `${JOB_USER}+${sub.slice(0, MAX_CLAIM_LENGTH)}`, job };
    return { subject, expiresAt: Math.min(exp * 1000, until, this.#now() + keys.freshForMs) };
  }

  #refusal(error: unknown): Error {
    const reason = error instanceof Error ? error.message : String(error);
    if (error instanceof IssuerUnavailableError) {
      this.#log.warn({ reason }, 'the keys of an issuer in berth.oidc cannot be read');
      return new OciError('UNAVAILABLE', 'the issuer of the token cannot be asked for its keys now', {
        cause: error,
      });
    }
    this.#log.info({ reason }, 'the token of a job was refused');
    return new OciError('UNAUTHORIZED', 'the token of the job is not valid, or not any more', {
      cause: error,
    });
  }
}

/** Whether strangers wrote it is found out later. */
function isJob(job: Job | undefined): job is Job {
  if (typeof job !== 'object' || job === null) return false;
  const { issuer, claims, until } = job as Partial<Job>;
  return (
    typeof issuer === 'string' &&
    typeof until === 'number' &&
    typeof claims === 'object' &&
    claims !== null &&
    Object.values(claims).every((value) => typeof value === 'string' && value.length <= MAX_CLAIM_LENGTH)
  );
}
