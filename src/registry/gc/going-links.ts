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
  async freed(index: MetadataIndex, canonicals: readonly Digest[]): Promise<Digest[]> {
    const freed: Digest[] = [];
    // Whatever other name a blob has in a repository, it has a link of this one, too.
    for (const canonical of canonicals.filter((each) => this.#repositories.has(each))) {
      const uses = await index.usesOf(canonical);
      const go = uses.every(
        ({ kind, repository, digest }) => kind === 'blob' && this.#has(repository, digest),
      );
      if (uses.length > 0 && go) freed.push(canonical);
    }
    return freed;
  }

  #has(repository: RepositoryName, digest: Digest): boolean {
    return this.#repositories.get(digest)?.has(repository) ?? false;
  }
}
