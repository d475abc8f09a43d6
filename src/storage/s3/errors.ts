import { StorageUnavailableError } from '../errors.js';

/** What the service says, or the name of what went wrong on the way to it. */
const REASONS: Readonly<Record<string, string>> = {
  AccessDenied: 'permission denied',
  Forbidden: 'permission denied', // HEAD has no body to say more in
  InvalidAccessKeyId: 'the access key is not known there',
  SignatureDoesNotMatch: 'the secret key is wrong',
  ExpiredToken: 'the credentials have expired',
  CredentialsProviderError: 'no credentials were found',
  NoSuchBucket: 'there is no such bucket',
  QuotaExceeded: 'the quota is used up',
  SlowDown: 'it asks us to slow down',
};

/** Names that these errors have besides `status`. Not those of the network, which are told by having no answer. */
const RETRYABLE = new Set(['RequestTimeout', 'SlowDown', 'RequestTimeTooSkewed', 'OperationAborted']);
const UNAVAILABLE_STATUS = new Set([401, 403, 429, 507]);

/** The object, the upload or the bucket is not there. Names differ between services: only the status is sure. */
export function isAbsent(error: unknown): boolean {
  return statusOf(error) === 404;
}

/** Whether the same request may well succeed a moment later. */
export function mayPass(error: unknown): boolean {
  const status = statusOf(error);
  if (status === undefined) return isNetworkError(error);
  return status >= 500 ? status !== 501 : status === 429 || RETRYABLE.has(nameOf(error));
}

/** @returns a {@link StorageUnavailableError} where the reason is one that people can mend or that passes, else the error. */
export function unavailable(action: string, key: string, error: unknown): unknown {
  const status = statusOf(error);
  const reason = REASONS[nameOf(error)];
  const known =
    reason !== undefined || mayPass(error) || (status !== undefined && UNAVAILABLE_STATUS.has(status));
  if (!known) return error;
  const text = reason ?? `${status === undefined ? 'no answer' : `answered ${status}`} (${nameOf(error)})`;
  return new StorageUnavailableError(`${action} of ${key} failed in the object store: ${text}`, {
    cause: error,
  });
}

/** For logs: the name of the failure, with the status of the answer. */
export function describeFailure(error: unknown): string {
  const status = statusOf(error);
  return status === undefined ? nameOf(error) : `${status} ${nameOf(error)}`;
}

export function statusOf(error: unknown): number | undefined {
  const metadata = propertyOf(error, '$metadata');
  const status = propertyOf(metadata, 'httpStatusCode');
  return typeof status === 'number' ? status : undefined;
}

/** The connection broke, or none could be had. Our own mistakes have no code, or one of Node's own. */
function isNetworkError(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = propertyOf(error, 'code');
  if (code === 'ERR_STREAM_PREMATURE_CLOSE') return true;
  return error.name === 'TimeoutError' || (typeof code === 'string' && !code.startsWith('ERR_'));
}

function nameOf(error: unknown): string {
  const code = propertyOf(error, 'Code') ?? propertyOf(error, 'code');
  if (typeof code === 'string') return code;
  return error instanceof Error ? error.name : 'Error';
}

function propertyOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}
