import { STATUS_CODES } from 'node:http';
import {
  DigestMismatchError,
  InterruptedBodyError,
  UploadBusyError,
  UploadNotFoundError,
  UploadOffsetError,
} from '../../content/index.js';
import { IndexUnavailableError } from '../../index/index.js';
import { type ErrorCode, OciError } from '../../oci/index.js';
import { StorageUnavailableError } from '../../storage/index.js';
import { UpstreamContentError, UpstreamRefusedError, UpstreamUnavailableError } from '../upstreams/index.js';

/** distribution-spec spec.md, "Error Codes", with the statuses that clients know from the reference registry. */
const STATUS = {
  BLOB_UNKNOWN: 404,
  BLOB_UPLOAD_INVALID: 404,
  BLOB_UPLOAD_UNKNOWN: 404,
  DENIED: 403,
  DIGEST_INVALID: 400,
  MANIFEST_BLOB_UNKNOWN: 400,
  MANIFEST_INVALID: 400,
  MANIFEST_UNKNOWN: 404,
  NAME_INVALID: 400,
  NAME_UNKNOWN: 404,
  PAGINATION_NUMBER_INVALID: 400,
  RANGE_INVALID: 416,
  SIZE_INVALID: 400,
  TAG_INVALID: 400,
  TOOMANYREQUESTS: 429,
  UNAUTHORIZED: 401,
  UNAVAILABLE: 503,
  UNKNOWN: 500,
  UNSUPPORTED: 405,
} as const satisfies Record<ErrorCode, number>;

const RETRY_UPSTREAM_MS = 15_000;

/** Told at once: a manifest can miss thousands of blobs. */
const MAX_ERRORS = 100;

/** What the client reads. Sent whatever happened: a stack trace never is. */
export type ErrorAnswer = Readonly<{
  status: number;
  headers: Readonly<Record<string, string>>;
  errors: readonly Readonly<{ code: string; message: string; detail?: unknown }>[];
  /** Not foreseen: worth an entry in the log with everything that is known. */
  unforeseen: boolean;
}>;

/** A failure whose status or headers say more than its code. */
export class HttpError extends OciError {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    code: ErrorCode,
    message: string,
    options: ErrorOptions & { headers?: Record<string, string>; detail?: unknown } = {},
  ) {
    super(code, message, options);
    this.status = status;
    this.headers = options.headers ?? {};
  }
}

/** @see distribution-spec spec.md, "Error Codes" */
export function answerFor(error: unknown): ErrorAnswer {
  const failures = error instanceof AggregateError ? error.errors.slice(0, MAX_ERRORS) : [error];
  const known = failures.map(asOciError);
  const errors = known.map((failure) => failure ?? new OciError('UNKNOWN', 'internal error'));
  const [first = new OciError('UNKNOWN', 'internal error')] = errors;
  return {
    status: first instanceof HttpError ? first.status : STATUS[first.code],
    headers: headersOf(first),
    errors: errors.map(({ code, message, detail }) => ({ code, message, ...(detail ? { detail } : {}) })),
    unforeseen: known.includes(undefined),
  };
}

/** For requests that never reach the application, such as those that are not HTTP. */
export function plainAnswer(status: number, message: string): string {
  const body = `${JSON.stringify({ errors: [{ code: 'UNSUPPORTED', message }] })}\n`;
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}

/** The meaning for a client of what the layers below report. `undefined`: not ours to explain. */
function asOciError(error: unknown): OciError | undefined {
  if (error instanceof OciError) return error;
  if (!(error instanceof Error)) return undefined;
  const cause = { cause: error };
  if (error instanceof DigestMismatchError) return new OciError('DIGEST_INVALID', error.message, cause);
  if (error instanceof InterruptedBodyError) return new HttpError(400, 'SIZE_INVALID', error.message, cause);
  if (error instanceof UploadNotFoundError) {
    return new OciError('BLOB_UPLOAD_UNKNOWN', `${error.message}: start again with a POST`, cause);
  }
  if (error instanceof UploadOffsetError || error instanceof UploadBusyError) {
    return new OciError('RANGE_INVALID', error.message, cause);
  }
  if (error instanceof UpstreamUnavailableError) {
    const seconds = String(Math.ceil((error.retryAfterMs ?? RETRY_UPSTREAM_MS) / 1000));
    const [status, code] = error.limited
      ? ([429, 'TOOMANYREQUESTS'] as const)
      : ([503, 'UNAVAILABLE'] as const);
    return new HttpError(status, code, error.message, { ...cause, headers: { 'Retry-After': seconds } });
  }
  if (error instanceof UpstreamRefusedError) return new OciError('DENIED', error.message, cause);
  if (error instanceof UpstreamContentError) return new HttpError(502, 'UNAVAILABLE', error.message, cause);
  if (error instanceof StorageUnavailableError || error instanceof IndexUnavailableError) {
    return new HttpError(503, 'UNAVAILABLE', error.message, { ...cause, headers: { 'Retry-After': '30' } });
  }
  return undefined;
}

function headersOf(error: OciError): Record<string, string> {
  if (error instanceof HttpError) return { ...error.headers };
  return error.code === 'TOOMANYREQUESTS' ? { 'Retry-After': '5' } : {};
}
