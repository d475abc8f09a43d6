import { setImmediate } from 'node:timers/promises';
import type { ManifestUse } from '../../index/index.js';
import { algorithmOf, type Digest, OciError, type RepositoryName } from '../../oci/index.js';
import { removeContents, TrustedIndex } from '../gc/index.js';
import {
  type PullTimes,
  type RepositoryBlobs,
  RepositoryManifests,
  type RepositoryStore,
} from '../repositories/index.js';
import type { Origins } from './origins.js';
import { COPIES, type PullThroughCache } from './pull-through-cache.js';

/** A blob that no manifest here names may be needed by somebody who has the manifest from before. */
const GRACE_MS = 3_600_000;
const BATCH = 100;

export type EvictionParts = Readonly<{
  store: RepositoryStore;
  blobs: RepositoryBlobs;
  origins: Origins;
  pulls: Pick<PullTimes, 'flush'>;
}>;

/** What went, and the bytes that became free. */
export type Evicted = { manifests: number; bytes: number };

/** Removes copies that nobody has asked for in a while, or longest, where there is a bound. Nothing of it goes to the trash. */
export class Eviction {
  readonly #parts: EvictionParts;
  readonly #manifests: RepositoryManifests;

  constructor(parts: EvictionParts) {
    this.#parts = parts;
    this.#manifests = new RepositoryManifests({ ...parts.store, trash: undefined }, COPIES);
  }

  /** Whether there are more bytes of copies than there may be. */
  async isFull({ rule }: PullThroughCache, repositories: readonly RepositoryName[]): Promise<boolean> {
    return this.#isOver(await this.#parts.origins.copiesAmong(repositories), rule.maxBytes);
  }

  /** @throws {IndexNotTrustedError} nothing can be concluded from the index now. */
  async run(
    { rule }: PullThroughCache,
    repositories: readonly RepositoryName[],
    signal?: AbortSignal,
  ): Promise<Evicted> {
    const { store, pulls } = this.#parts;
    const { ttl, maxBytes } = rule;
    const evicted: Evicted = { manifests: 0, bytes: 0 };
    const trusted = new TrustedIndex(store);
    const copies = await this.#parts.origins.copiesAmong(repositories);
    await pulls.flush();
    for (const name of copies) evicted.bytes += await this.#removeBlobs(name, trusted, { grace: GRACE_MS });
    // Before any image: who asks for one as a whole does without what no manifest here names, however young that is.
    if (await this.#isOver(copies, maxBytes))
      for (const name of copies) evicted.bytes += await this.#removeBlobs(name, trusted, { grace: 0 });
    const expiredBefore = ttl === 0 ? Number.NEGATIVE_INFINITY : store.now().getTime() - ttl;
    const uses = await store.index.manifestUses(copies);
    for (const use of uses) {
      const isExpired = use.usedAt.getTime() < expiredBefore;
      if (signal?.aborted || !(isExpired || (await this.#isOver(copies, maxBytes)))) break; // the rest was used later
      const later = await this.#usedSince(use);
      if (later) {
        uses.push(later);
        continue;
      }
      trusted.check();
      evicted.bytes += await this.#remove(use, trusted);
      evicted.manifests += 1;
    }
    return evicted;
  }

  /** There may be many to give up, and clients who ask for them meanwhile. */
  async #usedSince({ repository, digest, usedAt }: ManifestUse): Promise<ManifestUse | undefined> {
    const { store, pulls } = this.#parts;
    await pulls.flush();
    const [use] = await store.index.manifestUses([repository], digest);
    return use && use.usedAt > usedAt ? use : undefined;
  }

  async #isOver(copies: readonly RepositoryName[], maxBytes: number | undefined): Promise<boolean> {
    return maxBytes !== undefined && (await this.#parts.store.index.bytesIn(copies)) > maxBytes;
  }

  async #remove({ repository, digest }: ManifestUse, trusted: TrustedIndex): Promise<number> {
    try {
      await this.#manifests.delete(repository, { digest });
    } catch (error) {
      if (!(error instanceof OciError)) throw error; // gone meanwhile
    }
    const bytes = await this.#removeBytes(trusted, [digest]);
    return bytes + (await this.#removeBlobs(repository, trusted, { grace: 0 }));
  }

  /** Of a repository, what no manifest in it names. */
  async #removeBlobs(
    repository: RepositoryName,
    trusted: TrustedIndex,
    { grace }: { grace: number },
  ): Promise<number> {
    const before = this.#before(grace);
    let bytes = 0;
    let after: Digest | undefined;
    do {
      await setImmediate(); // a part in which all is needed waits for nothing, and clients do meanwhile
      const unneeded = { before, limit: BATCH, after };
      const { digests, next } = await this.#parts.blobs.removeUnneeded(repository, unneeded);
      bytes += await this.#removeBytes(trusted, digests);
      after = next;
    } while (after !== undefined);
    return bytes;
  }

  async #removeBytes(trusted: TrustedIndex, digests: readonly Digest[]): Promise<number> {
    // Bytes are stored as sha256; what has another name too is among these.
    const canonicals = digests.filter((each) => algorithmOf(each) === 'sha256');
    const removed = await removeContents(this.#parts.store, trusted, canonicals, this.#before(0));
    return removed.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  #before(grace: number): Date {
    return new Date(this.#parts.store.now().getTime() - grace + 1);
  }
}
