/** Codes of distribution-spec spec.md "Error Codes", and those that the reference registry adds. */
export type ErrorCode =
  | 'BLOB_UNKNOWN'
  | 'BLOB_UPLOAD_INVALID'
  | 'BLOB_UPLOAD_UNKNOWN'
  | 'DENIED'
  | 'DIGEST_INVALID'
  | 'MANIFEST_BLOB_UNKNOWN'
  | 'MANIFEST_INVALID'
  | 'MANIFEST_UNKNOWN'
  | 'NAME_INVALID'
  | 'NAME_UNKNOWN'
  | 'PAGINATION_NUMBER_INVALID'
  | 'RANGE_INVALID'
  | 'SIZE_INVALID'
  | 'TAG_INVALID'
  | 'TOOMANYREQUESTS'
  | 'UNAUTHORIZED'
  | 'UNAVAILABLE'
  | 'UNKNOWN'
  | 'UNSUPPORTED';

/** A failure the caller is meant to understand. distribution-spec spec.md, "Error Codes". */
export class OciError extends Error {
  override readonly name = 'OciError';
  readonly code: ErrorCode;
  /** What the client may want to read by program: any JSON value. */
  readonly detail: unknown;

  constructor(code: ErrorCode, message: string, options: ErrorOptions & { detail?: unknown } = {}) {
    super(message, options);
    this.code = code;
    this.detail = options.detail;
  }
}
