import type { MetadataIndex } from '../../index/index.js';
import { algorithmOf, type Digest, OciError, type RepositoryName } from '../../oci/index.js';
import type { RepositoryLocks } from './locks.js';
import type { RepositoryStore } from './store.js';

/** Most bytes that the repositories of a rule may hold together; what they share counts once. */
export type QuotaRule = Readonly<{
  matches: (repository: RepositoryName) => boolean;
  /** What it matches begins with one of them. */
  prefixes: readonly string[];
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
/** Of repositories with a blob: mostly the first of them is in the rule. */
const PAGE = 100;
/** Bytes for a rule's repositories that began to be stored here since the start, and those of them that ended, well or not. */
type Tally = { begun: number; ended: number; count?: Count };
/** `bytes`, with all that {@link Tally} says began, are what the rule's repositories hold, or more while something is under way. */
type Count = Readonly<{ bytes: number; goodUntil: number; amplyUpTo: number }>;

/** Keeps repositories from growing beyond what the configuration gives them, together with other processes. */
export class Quotas {
  readonly #index: MetadataIndex;
  readonly #locks: RepositoryLocks;
  readonly #rules: readonly QuotaRule[];
  readonly #tallies: ReadonlyMap<QuotaRule, Tally>;

  constructor({ index, locks }: Pick<RepositoryStore, 'index' | 'locks'>, rules: readonly QuotaRule[]) {
    this.#index = index;
    this.#locks = locks;
    this.#rules = rules;
    this.#tallies = new Map(rules.map((rule) => [rule, { begun: 0, ended: 0 }]));
  }

  /** Before a blob is sent. @throws {OciError} DENIED: nothing more can be stored there, and it is not there yet. */
  async checkRoom(repository: RepositoryName, digest: Digest): Promise<void> {
    if (algorithmOf(digest) !== 'sha256') return; // the bytes may be there, and nobody knows their sha256 yet
    for (const rule of this.#of(repository)) {
      if ((await this.#usedBy(rule)) < rule.bytes) continue;
      await this.#locks.forQuota(rule.key, 'alone', () =>
        this.#check(repository, rule, { canonical: digest, size: 1 }),
      );
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
      const end = await this.#beginAmply(rule, blob.size);
      return end && { result: await store().finally(end) };
    });
    if (stored) return stored.result;
    return this.#locks.forQuota(rule.key, 'alone', async () => {
      const added = await this.#check(repository, rule, blob);
      return store().finally(this.#begin(rule, added));
    });
  }

  /**
   * While nothing is under way.
   * @returns how much it adds to what is there. @throws {OciError} DENIED: too much.
   */
  async #check(repository: RepositoryName, rule: QuotaRule, { canonical, size }: SizedBlob): Promise<number> {
    if (await this.#holds(rule, canonical)) return 0;
    const used = await this.#recount(rule);
    if (used + size > rule.bytes) throw exceeded(repository, rule, used);
    return size;
  }

  /** @returns to be called when it has ended; nothing where that much may not begin beside others. */
  async #beginAmply(rule: QuotaRule, size: number): Promise<(() => void) | undefined> {
    await this.#usedBy(rule);
    // What others let in since the last count may have used up what that left.
    if (this.#locks.shared && !this.#isAmple(rule, size)) await this.#recount(rule);
    return this.#isAmple(rule, size) ? this.#begin(rule, size) : undefined; // at once: others ask at the same moment
  }

  #begin(rule: QuotaRule, size: number): () => void {
    const tally = this.#tallyOf(rule);
    tally.begun += size;
    return () => {
      tally.ended += size;
    };
  }

  #isAmple(rule: QuotaRule, size: number): boolean {
    const { begun, count } = this.#tallyOf(rule);
    return count !== undefined && count.bytes + begun + size <= count.amplyUpTo;
  }

  #of(repository: RepositoryName): readonly QuotaRule[] {
    return this.#rules.filter(({ matches }) => matches(repository));
  }

  #tallyOf(rule: QuotaRule): Tally {
    const tally = this.#tallies.get(rule);
    if (tally === undefined) throw new TypeError(`${rule.key} is not one of these rules`);
    return tally;
  }

  async #usedBy(rule: QuotaRule): Promise<number> {
    const { begun, count } = this.#tallyOf(rule);
    return count && performance.now() < count.goodUntil ? count.bytes + begun : this.#recount(rule);
  }

  async #recount(rule: QuotaRule): Promise<number> {
    const began = performance.now();
    const tally = this.#tallyOf(rule);
    const { ended } = tally; // what ends while the index is asked may be in the answer or not
    const names = (await this.#index.allRepositories()).filter(rule.matches);
    const bytes = (await this.#index.bytesIn(names)) - ended;
    const used = bytes + tally.begun;
    const now = performance.now();
    const { of, step } = AMPLE_WHERE_SHARED;
    const good = this.#locks.shared ? RECOUNT_MS.shared : RECOUNT_MS.alone;
    tally.count = {
      bytes,
      goodUntil: now + Math.max(good, (now - began) / COUNTING_SHARE),
      amplyUpTo: this.#locks.shared
        ? Math.min(rule.bytes * of, used + (rule.bytes - used) * step)
        : rule.bytes,
    };
    return used;
  }

  /** What is there already takes no more room. */
  async #holds({ prefixes, matches }: QuotaRule, canonical: Digest): Promise<boolean> {
    for (const prefix of prefixes) {
      for (let after: string | undefined = ''; after !== undefined; ) {
        const page = { prefix, after, limit: PAGE };
        const names: readonly RepositoryName[] = await this.#index.repositoriesWithBlob(canonical, page);
        if (names.some(matches)) return true;
        after = names[PAGE - 1];
      }
    }
    return false;
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
