import type { RepositoryName } from '../oci/index.js';

/** An upload that nobody added to for so long does not count, whether or not it was purged yet. */
const GIVEN_UP_MS = 3_600_000;
/** A repository that was found full is not counted again for each client that tries. */
const COUNT_AGAIN_MS = 5000;

type Listed = Readonly<{ id: string; activeAt: Date }>;

/** Which uploads of each repository began here and did not end: the store is asked only when they seem too many. */
export class OpenUploads {
  readonly #ids = new Map<RepositoryName, Set<string>>();
  /** Monotonic times. */
  readonly #countAgainAt = new Map<RepositoryName, number>();

  began(repository: RepositoryName, id: string): void {
    this.#ids.set(repository, (this.#ids.get(repository) ?? new Set()).add(id));
  }

  ended(repository: RepositoryName, id: string): void {
    const ids = this.#ids.get(repository);
    if (ids?.delete(id) && ids.size === 0) this.#ids.delete(repository);
  }

  /** @param list what the store holds of the repository: other processes begin and purge uploads too. */
  async isFull(
    repository: RepositoryName,
    limit: number,
    list: () => AsyncIterable<Listed>,
  ): Promise<boolean> {
    const known = this.#ids.get(repository)?.size ?? 0;
    if (known < limit) return false;
    if (performance.now() < (this.#countAgainAt.get(repository) ?? 0)) return true;
    const active = new Set<string>();
    for await (const { id, activeAt } of list()) {
      if (Date.now() - activeAt.getTime() < GIVEN_UP_MS) active.add(id);
    }
    this.#ids.set(repository, active);
    const full = active.size >= limit;
    if (full) this.#countAgainAt.set(repository, performance.now() + COUNT_AGAIN_MS);
    else this.#countAgainAt.delete(repository);
    return full;
  }
}
