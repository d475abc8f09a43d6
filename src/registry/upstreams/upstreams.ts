import type { RepositoryName } from '../../oci/index.js';
import type { PullThroughCache } from './pull-through-cache.js';

/** All upstreams, by the parts of this registry that are copies of them. */
export class Upstreams {
  readonly caches: readonly PullThroughCache[];

  constructor(caches: readonly PullThroughCache[]) {
    this.caches = caches;
  }

  /** What the repository is a copy of, if it is one. */
  find(repository: RepositoryName): PullThroughCache | undefined {
    return this.caches.find((cache) => cache.covers(repository));
  }

  /** Prefixes by the names that clients have for an upstream. containerd docs/hosts.md. */
  get namespaces(): ReadonlyMap<string, string> {
    const pairs = this.caches.flatMap(({ rule: { namespaces, prefix } }) =>
      namespaces.map((namespace) => [namespace, prefix] as const),
    );
    return new Map(pairs.filter(([, prefix]) => prefix !== ''));
  }

  /** Resolves when nothing is on its way. */
  async settle(): Promise<void> {
    await Promise.all(this.caches.map((cache) => cache.blobs.settle()));
  }
}
