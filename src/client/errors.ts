/** What a registry says about a failure. distribution-spec spec.md, "Error Codes". */
export type RegistryProblem = Readonly<{ code: string; message: string }>;

/** A registry answered, but not with what was asked for. */
export class RegistryError extends Error {
  override readonly name: string = 'RegistryError';
  readonly registry: string;
  /** Of the HTTP answer. */
  readonly status: number;
  readonly problems: readonly RegistryProblem[];
  /** As the registry wrote it: seconds or a date. */
  readonly retryAfter: string | undefined;

  constructor(message: string, { registry, status, problems = [], retryAfter, cause }: RegistryErrorOptions) {
    super(message, { cause });
    this.registry = registry;
    this.status = status;
    this.problems = problems;
    this.retryAfter = retryAfter;
  }

  /** Whether the registry named this code, such as `NAME_UNKNOWN`. */
  has(code: string): boolean {
    return this.problems.some((problem) => problem.code === code);
  }
}

export type RegistryErrorOptions = Readonly<{
  registry: string;
  status: number;
  problems?: readonly RegistryProblem[];
  retryAfter?: string | undefined;
  cause?: unknown;
}>;

/** Nobody, or somebody the registry does not know. */
export class UnauthorizedError extends RegistryError {
  override readonly name = 'UnauthorizedError';
}

/** The registry knows who asks, and refuses. */
export class DeniedError extends RegistryError {
  override readonly name = 'DeniedError';
}

/** Too many requests, also after waiting as long as the registry wanted. */
export class RateLimitError extends RegistryError {
  override readonly name = 'RateLimitError';
}

/** No answer: no such host, nobody listens, no trust, silence. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';
  readonly registry: string;
  /** Node's or OpenSSL's, such as `ECONNREFUSED`. */
  readonly code: string;

  constructor(message: string, options: Readonly<{ registry: string; code: string; cause: unknown }>) {
    super(message, { cause: options.cause });
    this.registry = options.registry;
    this.code = options.code;
  }
}

/** The certificates for a registry cannot be used. */
export class TrustError extends Error {
  override readonly name = 'TrustError';
}

/** The place where credentials are kept cannot be used. */
export class CredentialError extends Error {
  override readonly name = 'CredentialError';
}
