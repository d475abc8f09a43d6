/**
 * Who is calling, and what may they do? An {@link Authenticator} answers the first, {@link AccessRules} the second.
 * Neither knows of HTTP beyond the two headers: the server answers 401 with `challenge` and picks the repository.
 * Start with authenticator.ts and access.ts; passwords begin at htpasswd-authenticator.ts.
 */
export { type AccessOptions, type AccessRule, AccessRules, type Action } from './access.js';
export { type Authenticator, type Identity, OpenAuthenticator } from './authenticator.js';
export { type HtpasswdEntry, htpasswdEntries } from './htpasswd.js';
export { HtpasswdAuthenticator, type HtpasswdOptions } from './htpasswd-authenticator.js';
export type { AuthLog } from './htpasswd-file.js';
export { hashPassword, MAX_BCRYPT_BYTES } from './password-hash.js';
