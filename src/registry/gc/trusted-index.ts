import type { RepositoryStore } from '../repositories/index.js';
import { reasonOf } from '../system-error.js';

/** The index does not know all that is in the files, or was lost meanwhile: nothing may be concluded from it. */
export class IndexNotTrustedError extends Error {
  override readonly name = 'IndexNotTrustedError';
}

/** Holds that what the index said is still all that there is. */
export class TrustedIndex {
  readonly #store: RepositoryStore;
  readonly #generation: number;

  /** @throws {IndexNotTrustedError} */
  constructor(store: RepositoryStore) {
    this.#store = store;
    this.#generation = store.index.generation;
    this.check();
  }

  /**
   * To be asked after the index was and before anything is done.
   * @throws {IndexNotTrustedError}
   */
  check(): void {
    const { sync, index } = this.#store;
    if (!sync.complete && sync.failure !== undefined)
      throw new IndexNotTrustedError(
        `the index could not be compared with the files: ${reasonOf(sync.failure)}`,
      );
    if (!sync.complete)
      throw new IndexNotTrustedError('the index is still being compared with the files: try again later');
    if (sync.distrusted.size > 0) {
      const names = [...sync.distrusted].join(', ');
      throw new IndexNotTrustedError(`the index of ${names} could not be compared with the files`);
    }
    if (index.generation !== this.#generation)
      throw new IndexNotTrustedError('the index was damaged meanwhile, and is made anew: try again later');
  }
}
