import type { Referrer, TagList } from '../../index/index.js';
import { type Digest, OciError, type RepositoryName } from '../../oci/index.js';
import type { RepositoryStore } from './store.js';

/** `limit` at most; `after` is exclusive. */
export type Page = Readonly<{ after?: string; limit: number }>;
/** `more` tells whether anything comes after the last item. */
export type Paged<T> = Readonly<{ items: readonly T[]; more: boolean }>;
export type Visible = (repository: RepositoryName) => boolean;

/** Repositories fetched at once while those that the caller may not see are left out. */
const BATCH = 500;

/** What there is: repositories and their tags in byte order, and what refers to a manifest. */
export class Catalog {
  readonly #store: RepositoryStore;

  constructor(store: RepositoryStore) {
    this.#store = store;
  }

  async repositories(page: Page & { containing?: string }, visible: Visible): Promise<Paged<RepositoryName>> {
    const found: RepositoryName[] = [];
    for await (const names of this.#batches(page)) {
      found.push(...names.filter(visible));
      if (found.length > page.limit) break;
    }
    return { items: found.slice(0, page.limit), more: found.length > page.limit };
  }

  /** @throws {OciError} NAME_UNKNOWN: no such repository, or nothing in it. */
  async tags(repository: RepositoryName, page: Page): Promise<TagList> {
    const { index, sync } = this.#store;
    const tags = await sync.consult(repository, () => index.listTags(repository, page));
    if (tags.last === undefined && !(await this.#exists(repository))) {
      throw new OciError('NAME_UNKNOWN', `there is no repository ${repository}`, {
        detail: { name: repository },
      });
    }
    return tags;
  }

  /**
   * Nothing refers to what does not exist: an empty page, not a failure. A page ends early where descriptors of
   * more than `maxBytes` would be in it.
   */
  async referrers(
    repository: RepositoryName,
    subject: Digest,
    page: Page & { maxBytes: number; artifactTypes: readonly string[] },
  ): Promise<Paged<Referrer>> {
    const { index, sync } = this.#store;
    return sync.consult(repository, async () => {
      const items = await index.listReferrers(repository, subject, page);
      const after = items.at(-1)?.digest;
      const next = { ...page, limit: 1, ...(after ? { after } : {}) };
      const more = after !== undefined && (await index.listReferrers(repository, subject, next)).length > 0;
      return { items, more };
    });
  }

  #exists(repository: RepositoryName): Promise<boolean> {
    const { index, sync } = this.#store;
    return sync.consult(repository, () => index.hasManifests(repository));
  }

  /** In batches, since a step of a generator for each name would cost more than finding it. */
  async *#batches({
    after = '',
    containing = '',
    limit,
  }: Page & { containing?: string }): AsyncGenerator<readonly RepositoryName[]> {
    const { index, sync } = this.#store;
    // A list that leaves out what could not be compared would say that it does not exist.
    for (const repository of sync.distrusted) await sync.ensure(repository);
    let start = after;
    for (let size = Math.min(BATCH, limit + 1); ; size = BATCH) {
      if (!sync.complete) {
        yield* this.#batchesWhileChecking({ after: start, containing });
        return;
      }
      const names = await index.listRepositories({ after: start, limit: size, containing });
      yield names;
      if (names.length < size) return;
      start = names.at(-1) ?? start;
      // Those whom the caller may not see can be many: others get their turn in between.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Just after a start the index may still miss repositories; the files know them. */
  async *#batchesWhileChecking({
    after,
    containing,
  }: {
    after: string;
    containing: string;
  }): AsyncGenerator<readonly RepositoryName[]> {
    const { index, sync } = this.#store;
    const names = new Set([...(await sync.names()), ...(await index.allRepositories())]);
    for (const name of [...names].sort()) {
      if (name <= after || !name.includes(containing)) continue;
      if (await this.#exists(name)) yield [name];
    }
  }
}
