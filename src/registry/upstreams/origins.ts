import { layout } from '../../content/index.js';
import type { RepositoryName } from '../../oci/index.js';
import type { RepositoryStore } from '../repositories/index.js';

/**
 * Which repositories hold nothing but copies of an upstream, and so may be emptied: those in which nothing was pushed
 * before the first copy came. A file beside the data says so, since the index can be lost.
 */
export class Origins {
  readonly #store: RepositoryStore;
  readonly #copies = new Map<RepositoryName, boolean>();

  constructor(store: RepositoryStore) {
    this.#store = store;
  }

  /** To be called before the first copy is stored. */
  async claim(repository: RepositoryName): Promise<void> {
    if ((await this.isCopy(repository)) || !(await this.#isEmpty(repository))) return;
    const path = layout.copyMarkPath(repository);
    await this.#store.driver.publish([{ path, bytes: Buffer.from('copies of an upstream\n') }]);
    this.#copies.set(repository, true);
  }

  async isCopy(repository: RepositoryName): Promise<boolean> {
    const known = this.#copies.get(repository);
    if (known !== undefined) return known;
    const isCopy = (await this.#store.driver.stat(layout.copyMarkPath(repository))) !== undefined;
    this.#copies.set(repository, isCopy);
    return isCopy;
  }

  async #isEmpty(repository: RepositoryName): Promise<boolean> {
    const { index, sync } = this.#store;
    const contents = await sync.consult(repository, () => index.contents(repository));
    return contents.blobs.size === 0 && contents.manifests.size === 0;
  }
}
