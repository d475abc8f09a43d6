/**
 * Who is calling, and what may they do? An {@link Authenticator} answers the first, {@link AccessRules} the second.
 * Neither knows of HTTP beyond the two headers: the server answers 401 with `challenge` and picks the repository.
 * Start with authenticator.ts and access.ts; passwords begin at htpasswd-authenticator.ts, tokens at
 * token-authenticator.ts.
 */
export { type AccessOptions, type AccessRule, AccessRules } from './access.js';
export {
  type Authenticator,
  type Caller,
  type ChallengeDetails,
  EndedTokenError,
  type Identity,
  OpenAuthenticator,
  type PasswordAuthenticator,
  RefusedLoginError,
} from './authenticator.js';
export { type Glob, globAt, parseTagGlob } from './glob.js';
export { type HtpasswdEntry, htpasswdEntries } from './htpasswd.js';
export { HtpasswdAuthenticator, type HtpasswdOptions } from './htpasswd-authenticator.js';
export { JOB_USER, type JobLogins, Logins } from './logins.js';
export { hashPassword, MAX_BCRYPT_BYTES } from './password-hash.js';
export { Robots } from './robots.js';
export {
  formatRobots,
  hashSecret,
  isAction,
  isRobotName,
  newSecret,
  parseRobots,
  type Robot,
  robotUser,
} from './robots-file.js';
export { type Action, asksForLists, parseScopes, type Scope, scopeOf } from './scopes.js';
export {
  type IssuedToken,
  TokenAuthenticator,
  type TokenAuthenticatorOptions,
} from './token-authenticator.js';
export type { TokenKeys } from './token-keys.js';
export type { AuthLog } from './watched-file.js';
