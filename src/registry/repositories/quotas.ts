import type { MetadataIndex } from '../../index/index.js';
import { type Digest, OciError, type RepositoryName } from '../../oci/index.js';

/** Most bytes that the repositories of a rule may hold together; what they share counts once. */
export type QuotaRule = Readonly<{
  matches: (repository: RepositoryName) => boolean;
  bytes: number;
  /** Place in the configuration, for people. */
  key: string;
}>;

/** Other processes push and delete too. */
const RECOUNT_MS = 60_000;
/** Repositories that are looked into for a blob that may be there already. */
const MAX_LOOKED = 1000;

/** Keeps repositories from growing beyond what the configuration gives them. */
export class Quotas {
  readonly #index: MetadataIndex;
  readonly #rules: readonly QuotaRule[];
  readonly #used = new Map<QuotaRule, { bytes: number; countedAt: number }>();

  constructor(index: MetadataIndex, rules: readonly QuotaRule[]) {
    this.#index = index;
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

  /** Counts a blob that is about to be stored. @throws {OciError} DENIED: it is too large for what is left. */
  async take(repository: RepositoryName, blob: { canonical: Digest; size: number }): Promise<void> {
    for (const rule of this.#of(repository)) {
      const fits = (used: number) => used + blob.size <= rule.bytes;
      if (!fits(await this.#usedBy(rule))) {
        const used = await this.#recount(rule);
        if (!fits(used) && !(await this.#holds(rule, blob.canonical))) throw exceeded(repository, rule, used);
      }
      const counted = this.#used.get(rule);
      if (counted) counted.bytes += blob.size;
    }
  }

  #of(repository: RepositoryName): readonly QuotaRule[] {
    return this.#rules.filter(({ matches }) => matches(repository));
  }

  async #usedBy(rule: QuotaRule): Promise<number> {
    const counted = this.#used.get(rule);
    const isFresh = counted !== undefined && performance.now() - counted.countedAt < RECOUNT_MS;
    return isFresh ? counted.bytes : this.#recount(rule);
  }

  async #recount(rule: QuotaRule): Promise<number> {
    const names = (await this.#index.allRepositories()).filter(rule.matches);
    const bytes = await this.#index.bytesIn(names);
    this.#used.set(rule, { bytes, countedAt: performance.now() });
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
