import type { MetadataIndex } from '../../index/index.js';
import { type Digest, OciError, type RepositoryName } from '../../oci/index.js';
import type { RepositoryLocks } from './locks.js';
import type { RepositoryStore } from './store.js';

/** Most bytes that the repositories of a rule may hold together; what they share counts once. */
export type QuotaRule = Readonly<{
  matches: (repository: RepositoryName) => boolean;
  bytes: number;
  /** Place in the configuration, for people. */
  key: string;
}>;

type SizedBlob = Readonly<{ canonical: Digest; size: number }>;

/** How long a count is good for: other commands may change the registry, and where it is shared, others push all the time. */
const RECOUNT_MS = { alone: 60_000, shared: 1000 };
/** Counting takes no more than such a part of the time. */
const COUNTING_SHARE = 1 / 20;
/**
 * Processes that share a registry do without a count at the very moment up to here, and let in no more on one count than such a
 * part of the room that it found: others would have to fill all the rest meanwhile to make that too much.
 */
const AMPLE_WHERE_SHARED = { of: 0.9, step: 1 / 16 };
/** Repositories that are looked into for a blob that may be there already. */
const MAX_LOOKED = 1000;

/** What a rule's repositories held when they were counted, with what was let in since. */
type Count = { bytes: number; goodUntil: number; amplyUpTo: number };

/** Keeps repositories from growing beyond what the configuration gives them, together with other processes. */
export class Quotas {
  readonly #index: MetadataIndex;
  readonly #locks: RepositoryLocks;
  readonly #rules: readonly QuotaRule[];
  readonly #used = new Map<QuotaRule, Count>();
  /** Bytes that were let in here and may not be in the index yet. */
  readonly #underWay = new Map<QuotaRule, number>();

  constructor({ index, locks }: Pick<RepositoryStore, 'index' | 'locks'>, rules: readonly QuotaRule[]) {
    this.#index = index;
    this.#locks = locks;
    this.#rules = rules;
  }

  /** Before anything is sent. @throws {OciError} DENIED: nothing more can be stored there. */
  async checkRoom(repository: RepositoryName): Promise<void> {
    for (const rule of this.#of(repository)) {
      if ((await this.#usedBy(rule)) < rule.bytes) continue;
      const used = await this.#recount(rule);
      if (used >= rule.bytes) throw exceeded(repository, rule, used);
    }
  }

  /** Runs `store`, which puts a blob there. @throws {OciError} DENIED: it is too large for what is left. */
  admit<T>(repository: RepositoryName, blob: SizedBlob, store: () => Promise<T>): Promise<T> {
    const admitted = this.#of(repository).reduceRight(
      (work, rule) => () => this.#admit(repository, rule, blob, work),
      store,
    );
    return admitted();
  }

  /** Side by side with others while there is ample room; near the end of it one after the other, each with a new count. */
  async #admit<T>(
    repository: RepositoryName,
    rule: QuotaRule,
    blob: SizedBlob,
    store: () => Promise<T>,
  ): Promise<T> {
    const stored = await this.#locks.forQuota(rule.key, 'together', async () => {
      if (!(await this.#isAmple(rule, blob.size))) return undefined;
      return { result: await this.#counted(rule, blob.size, store) };
    });
    if (stored) return stored.result;
    return this.#locks.forQuota(rule.key, 'alone', async () => {
      const used = await this.#recount(rule);
      const fits = used + blob.size <= rule.bytes || (await this.#holds(rule, blob.canonical));
      if (!fits) throw exceeded(repository, rule, used);
      return this.#counted(rule, blob.size, store);
    });
  }

  async #counted<T>(rule: QuotaRule, size: number, store: () => Promise<T>): Promise<T> {
    const counted = this.#used.get(rule);
    if (counted) counted.bytes += size;
    this.#underWay.set(rule, (this.#underWay.get(rule) ?? 0) + size);
    try {
      return await store();
    } finally {
      this.#underWay.set(rule, (this.#underWay.get(rule) ?? 0) - size);
    }
  }

  #of(repository: RepositoryName): readonly QuotaRule[] {
    return this.#rules.filter(({ matches }) => matches(repository));
  }

  async #usedBy(rule: QuotaRule): Promise<number> {
    const counted = this.#used.get(rule);
    return counted && performance.now() < counted.goodUntil ? counted.bytes : this.#recount(rule);
  }

  async #isAmple(rule: QuotaRule, size: number): Promise<boolean> {
    const fits = () => {
      const { bytes = 0, amplyUpTo = 0 } = this.#used.get(rule) ?? {};
      return bytes + size <= amplyUpTo;
    };
    await this.#usedBy(rule);
    if (fits()) return true;
    if (this.#locks.shared) await this.#recount(rule); // what was let in since the last count may have used that up
    return fits();
  }

  async #recount(rule: QuotaRule): Promise<number> {
    const began = performance.now();
    const names = (await this.#index.allRepositories()).filter(rule.matches);
    const bytes = (await this.#index.bytesIn(names)) + (this.#underWay.get(rule) ?? 0);
    const now = performance.now();
    const { of, step } = AMPLE_WHERE_SHARED;
    const good = this.#locks.shared ? RECOUNT_MS.shared : RECOUNT_MS.alone;
    this.#used.set(rule, {
      bytes,
      goodUntil: now + Math.max(good, (now - began) / COUNTING_SHARE),
      amplyUpTo: this.#locks.shared
        ? Math.min(rule.bytes * of, bytes + (rule.bytes - bytes) * step)
        : rule.bytes,
    });
    return bytes;
  }

  /** What is there already takes no more room. */
  async #holds(rule: QuotaRule, canonical: Digest): Promise<boolean> {
    return (await this.#index.repositoriesWithBlob(canonical, MAX_LOOKED)).some(rule.matches);
  }
}

function exceeded(repository: RepositoryName, { bytes, key }: QuotaRule, used: number): OciError {
  return new OciError(
    'DENIED',
    `${repository} has no room for this: ${used} of ${bytes} bytes are taken (${key}); delete what is not needed, ` +
      'and have its space freed by berth gc',
    { detail: { used, limit: bytes } },
  );
}
