/**
 * Speaks to any registry: contact and authentication, credentials, content, tags, referrers. Knows no local images and
 * no terminal. Start with registry-client.ts; repository.ts is the end of a transfer, registry-host.ts what every
 * request passes.
 */

export { CredentialHelper } from './credentials/credential-helper.js';
export { CredentialStore, type CredentialStoreOptions, type Saved } from './credentials/credential-store.js';
export {
  type CredentialSource,
  type Credentials,
  fixedCredentials,
} from './credentials/credentials.js';
export {
  DeniedError,
  RateLimitError,
  RegistryError,
  UnauthorizedError,
  UnreachableError,
} from './errors.js';
export type { HttpAnswer } from './http/answer.js';
export { parseRetryAfter } from './http/retry-policy.js';
export { RegistryClient, type RegistryClientOptions } from './registry-client.js';
export type { ListOptions, Repository } from './repository.js';
export { defaultTrustFolders, type Trust, TrustFolders, type TrustFoldersOptions } from './trust-folders.js';
