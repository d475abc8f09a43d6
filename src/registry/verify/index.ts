/**
 * Whether what is stored is what it was: bytes hash to their names, links lead somewhere, manifests can be read and what they
 * name is there. What is wrong is set aside and repaired where that is possible. Start with verifier.ts, which only reads;
 * mender.ts is what changes anything, under the locks of the repositories.
 */
export { adviceFor, type Finding } from './finding.js';
export { type Mended, Mender, type Mending } from './mender.js';
export type { Progress, Repair, VerifyOptions } from './pass.js';
export { Repairer, type RepairSource } from './repairer.js';
export { UpstreamSource } from './upstream-source.js';
export type { Mark, Verification } from './verification.js';
export { VerificationLog } from './verification-log.js';
export { Verifier } from './verifier.js';
