import { DockerfileError, formatDockerfileError } from '../builder/index.js';
import { RegistryError } from '../client/index.js';
import { ImageNotFoundError } from '../content/index.js';
import { OciError } from '../oci/index.js';
import { EngineError } from './errors.js';

/** What a client is told: `status` of an answer that has not begun yet. */
export type Failure = Readonly<{ status: number; message: string }>;

/** Statuses of errors by their names, as the daemon of docker has them. */
const STATUSES: Readonly<Record<string, number>> = {
  AmbiguousContainerError: 400,
  AmbiguousImageError: 400,
  BuildError: 400,
  ChangeError: 400,
  ContainerConflictError: 409,
  ContainerFileError: 400,
  ContainerFileNotFoundError: 404,
  ContainerNotFoundError: 404,
  ContainerStartError: 400,
  ContainerStateError: 409,
  ContentNotFoundError: 404,
  DeniedError: 403,
  DockerfileError: 400,
  FetchError: 400,
  FilterError: 400,
  IgnoreRulesError: 400,
  ImageConflictError: 409,
  ImageFormatError: 400,
  ImageNotFoundError: 404,
  InvalidContainerError: 400,
  InvalidLimitError: 400,
  InvalidLogConfigError: 400,
  InvalidMountError: 400,
  InvalidNetworkError: 400,
  InvalidVolumeError: 400,
  NetworkConflictError: 409,
  NetworkForbiddenError: 403,
  NetworkNotFoundError: 404,
  OciError: 400,
  PortTakenError: 500,
  RangeError: 400,
  RateLimitError: 429,
  StepError: 400,
  TarError: 400,
  UnauthorizedError: 403, // 401 would make the client ask for a password and lose the reason
  UsageError: 400,
  VolumeConflictError: 409,
  VolumeNotFoundError: 404,
};

/** @returns `undefined` for what nobody has foreseen: it is logged, and not shown. */
export function findFailure(error: unknown): Failure | undefined {
  if (error instanceof EngineError) return { status: error.status, message: error.message };
  if (error instanceof ImageNotFoundError)
    return { status: 404, message: error.message.replace(/^no such image/, 'No such image') };
  if (error instanceof DockerfileError) return { status: 400, message: formatDockerfileError(error) };
  if (error instanceof OciError)
    return { status: 400, message: `invalid reference format: ${error.message}` };
  if (!(error instanceof Error)) return undefined;
  const status = STATUSES[error.name];
  if (status !== undefined) return { status, message: error.message };
  if (error instanceof RegistryError)
    return { status: error.status === 404 ? 404 : 502, message: error.message };
  if ('code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT'))
    return { status: 500, message: 'no space left on device' };
  return WORTH_SAYING.has(error.name) ? { status: 500, message: error.message } : undefined;
}

/** Nobody's mistake here, but people understand them. */
const WORTH_SAYING: ReadonlySet<string> = new Set([
  'ContentSizeError',
  'CredentialError',
  'DigestMismatchError',
  'RuntimeError',
  'RuntimeUnavailableError',
  'SqlDiskError',
  'TrustError',
  'UnreachableError',
  'UserNotFoundError',
]);
