/** It does not answer, fails, or has had enough of us. What is here already still stands. */
export class UpstreamUnavailableError extends Error {
  override readonly name = 'UpstreamUnavailableError';
  /** It wants fewer requests. */
  readonly limited: boolean;
  /** How long it wants to be left alone, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(
    message: string,
    options: ErrorOptions & Readonly<{ limited?: boolean; retryAfterMs?: number | undefined }> = {},
  ) {
    super(message, options);
    this.limited = options.limited ?? false;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** It knows what is asked for, or does not tell, and does not give it to us. */
export class UpstreamRefusedError extends Error {
  override readonly name = 'UpstreamRefusedError';
}

/** What it sends is not what was asked for. Nothing of it is kept. */
export class UpstreamContentError extends Error {
  override readonly name = 'UpstreamContentError';
}
