import type { Uploads } from '../../content/index.js';
import { type Descriptor, type Digest, OciError, type RepositoryName } from '../../oci/index.js';
import type { Logger } from '../logger.js';
import { type RepositoryBlobs, RepositoryManifests, type RepositoryStore } from '../repositories/index.js';
import { BackOff } from './back-off.js';
import type { CacheObserver } from './cache-observer.js';
import { type CacheRule, isCovered, remoteNameOf } from './cache-rule.js';
import { CachedBlobs } from './cached-blobs.js';
import { CachedManifests } from './cached-manifests.js';
import type { Origins } from './origins.js';
import type { SharedFetches } from './shared-fetches.js';

export type CacheParts = Readonly<{
  store: RepositoryStore;
  blobs: RepositoryBlobs;
  uploads: Uploads;
  origins: Origins;
  folder: string;
  shared: SharedFetches | undefined;
  /** Where somebody counts. */
  observer: CacheObserver | undefined;
  log: Logger;
  signal: AbortSignal;
}>;

/** A part of the registry that is filled from an upstream as it is asked for. */
export class PullThroughCache {
  readonly rule: CacheRule;
  readonly manifests: CachedManifests;
  readonly blobs: CachedBlobs;
  readonly observer: CacheObserver | undefined;
  readonly #backOff: BackOff;
  #grown = false;

  constructor(rule: CacheRule, { store, blobs, ...parts }: CacheParts) {
    const { upstream, recheck } = rule;
    const { now } = store;
    const remoteName = (repository: RepositoryName) => remoteNameOf(rule, repository);
    this.rule = rule;
    this.observer = parts.observer;
    this.#backOff = new BackOff(now);
    const manifests = new RepositoryManifests(store, COPIES);
    const common = { ...parts, upstream, remoteName };
    this.manifests = new CachedManifests({ ...common, manifests, backOff: this.#backOff, recheck, now });
    const onStored = () => {
      this.#grown = true;
    };
    const isCopy = (repository: RepositoryName) => this.covers(repository);
    this.blobs = new CachedBlobs({ ...common, blobs, isCopy, onStored });
  }

  covers(repository: RepositoryName): boolean {
    return isCovered(this.rule, repository);
  }

  /** Whether blobs came since this was last asked. */
  takeGrowth(): boolean {
    const grown = this.#grown;
    this.#grown = false;
    return grown;
  }

  /** @returns `undefined` when the upstream cannot tell now. @throws {OciError} NAME_UNKNOWN. */
  async tags(repository: RepositoryName): Promise<readonly string[] | undefined> {
    const { upstream } = this.rule;
    if (this.#backOff.reason) return undefined;
    const found = await this.#backOff.watch(() => upstream.tags(remoteNameOf(this.rule, repository)));
    if (found !== undefined) return found;
    throw new OciError('NAME_UNKNOWN', `there is no repository ${repository}`, {
      detail: { name: repository },
    });
  }

  referrers(repository: RepositoryName, subject: Digest): Promise<readonly Descriptor[]> {
    const { upstream } = this.rule;
    return this.#backOff.watch(() => upstream.referrers(remoteNameOf(this.rule, repository), subject));
  }
}

/** A copy is complete once everything was asked for. It follows its upstream, whatever is immutable here. */
export const COPIES: ConstructorParameters<typeof RepositoryManifests>[1] = {
  indexPlatforms: 'none',
  blobs: 'optional',
  urls: { allow: [], deny: [] },
  isImmutable: () => false,
};
