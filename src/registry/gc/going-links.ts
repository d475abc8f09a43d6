import type { MetadataIndex } from '../../index/index.js';
import type { Digest, RepositoryName } from '../../oci/index.js';

/** Links to blobs that a dry run would remove: what they alone lead to would go with them. */
export class GoingLinks {
  readonly #repositories = new Map<Digest, Set<RepositoryName>>();

  add(repository: RepositoryName, digests: readonly Digest[]): void {
    for (const digest of digests) {
      const known = this.#repositories.get(digest);
      if (known) known.add(repository);
      else this.#repositories.set(digest, new Set([repository]));
    }
  }

  /** @returns those of the bytes that something leads to now, and nothing would. */
  async freed(index: Pick<MetadataIndex, 'countUses'>, canonicals: readonly Digest[]): Promise<Digest[]> {
    // Whatever other name a blob has in a repository, it has a link of this one, too.
    const asked = canonicals.filter((each) => this.#repositories.has(each));
    if (asked.length === 0) return [];
    const staying = new Set<Digest>();
    const used = new Set<Digest>();
    for (const { canonical, digest, kind, count } of await index.countUses(asked)) {
      used.add(canonical);
      const going = kind === 'blob' ? (this.#repositories.get(digest)?.size ?? 0) : 0;
      if (count > going) staying.add(canonical);
    }
    return asked.filter((each) => used.has(each) && !staying.has(each));
  }
}
