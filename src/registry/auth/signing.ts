/** What tokens that others can read need, apart from the face of this folder: its libraries take their time to load. */
export { OidcJobs } from './oidc-jobs.js';
export { SignedTokens } from './signed-tokens.js';
export { TokenKeys } from './token-keys.js';
