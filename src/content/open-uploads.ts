import type { RepositoryName } from '../oci/index.js';

/** An upload that nobody added to for so long does not count, whether or not it was purged yet. */
const GIVEN_UP_MS = 3_600_000;
/** A repository that was found full is not counted again for each client that tries. */
const COUNT_AGAIN_MS = 5000;

/**
 * Where others begin uploads too, the store is asked after such a part of what is left of the limit, or of the limit: that is how
 * far each process can go beyond it.
 */
const STEP = { ofRest: 1 / 16, ofLimit: 1 / 64 };

type Listed = Readonly<{ id: string; activeAt: Date }>;

/** Which uploads of each repository are under way, as far as is known: the store is asked only when they seem too many. */
export class OpenUploads {
  readonly #ids = new Map<RepositoryName, Set<string>>();
  /** How many the store had, where others begin uploads too. */
  readonly #listed = new Map<RepositoryName, number>();
  readonly #shared: boolean;
  /** Monotonic times. */
  readonly #countAgainAt = new Map<RepositoryName, number>();

  /** @param options `shared`: other processes begin uploads, too. */
  constructor({ shared }: { shared: boolean }) {
    this.#shared = shared;
  }

  began(repository: RepositoryName, id: string): void {
    this.#ids.set(repository, (this.#ids.get(repository) ?? new Set()).add(id));
  }

  ended(repository: RepositoryName, id: string): void {
    const ids = this.#ids.get(repository);
    if (!ids?.delete(id) || ids.size > 0) return;
    this.#ids.delete(repository);
    this.#listed.delete(repository);
  }

  /** @param list what the store holds of the repository: other processes begin and purge uploads too. */
  async isFull(
    repository: RepositoryName,
    limit: number,
    list: () => AsyncIterable<Listed>,
  ): Promise<boolean> {
    const known = this.#ids.get(repository)?.size ?? 0;
    if (known < this.#askFrom(repository, limit)) return false;
    if (performance.now() < (this.#countAgainAt.get(repository) ?? 0)) return true;
    const active = new Set<string>();
    for await (const { id, activeAt } of list()) {
      if (Date.now() - activeAt.getTime() < GIVEN_UP_MS) active.add(id);
    }
    this.#ids.set(repository, active);
    if (this.#shared) this.#listed.set(repository, active.size);
    const full = active.size >= limit;
    if (full) this.#countAgainAt.set(repository, performance.now() + COUNT_AGAIN_MS);
    else this.#countAgainAt.delete(repository);
    return full;
  }

  #askFrom(repository: RepositoryName, limit: number): number {
    if (!this.#shared) return limit;
    const listed = this.#listed.get(repository) ?? 0;
    const step = Math.ceil(Math.max((limit - listed) * STEP.ofRest, limit * STEP.ofLimit));
    return Math.min(limit, listed + step);
  }
}
