/**
 * Parts of the registry that are copies of other registries, filled as clients ask for them. Start with
 * pull-through-cache.ts; upstream.ts is what the other registry has to answer. How it is spoken to is not known here.
 */
export type { CachedKind, CacheObserver } from './cache-observer.js';
export { type CacheRule, isCovered, remoteNameOf } from './cache-rule.js';
export type { BlobFetch } from './cached-blobs.js';
export { UpstreamContentError, UpstreamRefusedError, UpstreamUnavailableError } from './errors.js';
export { type Evicted, Eviction } from './eviction.js';
export { Origins } from './origins.js';
export { PullThroughCache } from './pull-through-cache.js';
export { SharedFetches } from './shared-fetches.js';
export type { Upstream, UpstreamBlob } from './upstream.js';
export { Upstreams } from './upstreams.js';
