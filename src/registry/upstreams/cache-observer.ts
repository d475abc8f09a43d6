/** As the reference registry's metrics call them. */
export type CachedKind = 'blob' | 'manifest';

/** Counts what copies save. */
export interface CacheObserver {
  /** `hit`: the other registry need not be read for it. */
  asked(kind: CachedKind, options: { hit: boolean }): void;
  /** From the other registry. */
  fetched(kind: CachedKind, bytes: number): void;
  /** To a client, or as much of it as it wanted. */
  sent(kind: CachedKind, bytes: number): void;
}
