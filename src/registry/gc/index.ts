/**
 * Removes what nothing leads to, while the registry runs. Start with collector.ts. What leads to what is the index's to say
 * (garbage.ts of each index); that nothing is removed under somebody's hands is up to the locks of the repositories.
 */
export { type Collection, type CollectOptions, Collector, type Removal } from './collector.js';
export { removeContents } from './content-removal.js';
export type { Keep, RetentionRule } from './retention.js';
export { IndexNotTrustedError, TrustedIndex } from './trusted-index.js';
