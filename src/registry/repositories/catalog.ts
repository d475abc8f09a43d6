import type { Referrer } from '../../index/index.js';
import { type Digest, OciError, type RepositoryName, type Tag } from '../../oci/index.js';
import type { RepositoryStore } from './store.js';

/** `limit` at most; `after` is exclusive. */
export type Page = Readonly<{ after?: string; limit: number }>;
/** `more` tells whether anything comes after the last item. */
export type Paged<T> = Readonly<{ items: readonly T[]; more: boolean }>;
export type Visible = (repository: RepositoryName) => boolean;

/** Repositories fetched at once while those that the caller may not see are left out. */
const BATCH = 500;

/** What there is: repositories, their tags, and what refers to a manifest. All in byte order. */
export class Catalog {
  readonly #store: RepositoryStore;

  constructor(store: RepositoryStore) {
    this.#store = store;
  }

  async repositories(page: Page & { containing?: string }, visible: Visible): Promise<Paged<RepositoryName>> {
    const found: RepositoryName[] = [];
    for await (const name of this.#names(page)) {
      if (!visible(name)) continue;
      if (found.length === page.limit) return { items: found, more: true };
      found.push(name);
    }
    return { items: found, more: false };
  }

  /** @throws {OciError} NAME_UNKNOWN: no such repository, or nothing in it. */
  async tags(repository: RepositoryName, page: Page): Promise<Paged<Tag>> {
    const { index, sync } = this.#store;
    await sync.ensure(repository);
    const tags = await index.listTags(repository, { ...page, limit: page.limit + 1 });
    if (tags.length === 0 && !(await index.hasManifests(repository))) {
      throw new OciError('NAME_UNKNOWN', `there is no repository ${repository}`, {
        detail: { name: repository },
      });
    }
    return paged(tags, page.limit);
  }

  /**
   * Nothing refers to what does not exist: an empty page, not a failure. Annotations of more than `maxBytes` end a page
   * early.
   */
  async referrers(
    repository: RepositoryName,
    subject: Digest,
    page: Page & { maxBytes: number; artifactTypes: readonly string[] },
  ): Promise<Paged<Referrer>> {
    const { index, sync } = this.#store;
    await sync.ensure(repository);
    const items = await index.listReferrers(repository, subject, page);
    const after = items.at(-1)?.digest;
    const next = { ...page, limit: 1, ...(after ? { after } : {}) };
    const more = after !== undefined && (await index.listReferrers(repository, subject, next)).length > 0;
    return { items, more };
  }

  async *#names(page: Page & { containing?: string }): AsyncGenerator<RepositoryName> {
    const { index, sync } = this.#store;
    if (!sync.complete) {
      yield* this.#namesWhileChecking(page);
      return;
    }
    const { containing = '', limit } = page;
    let after = page.after ?? '';
    let batch = Math.min(BATCH, limit + 1);
    for (;;) {
      const names = await index.listRepositories({ after, limit: batch, containing });
      yield* names;
      if (names.length < batch) return;
      after = names.at(-1) ?? after;
      batch = BATCH;
      // Those whom the caller may not see can be many: others get their turn in between.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Just after a start the index may still miss repositories; the files know them. */
  async *#namesWhileChecking({
    after = '',
    containing = '',
  }: {
    after?: string;
    containing?: string;
  }): AsyncGenerator<RepositoryName> {
    const { index, sync } = this.#store;
    const names = new Set([...(await sync.names()), ...(await index.allRepositories())]);
    for (const name of [...names].sort()) {
      if (name <= after || !name.includes(containing)) continue;
      await sync.ensure(name);
      if (await index.hasManifests(name)) yield name;
    }
  }
}

function paged<T>(items: readonly T[], limit: number): Paged<T> {
  return { items: items.slice(0, limit), more: items.length > limit };
}
