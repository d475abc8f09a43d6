import { layout } from '../../content/index.js';
import { findRepositoryName, type RepositoryName } from '../../oci/index.js';
import { PathNotFoundError } from '../../storage/index.js';
import type { RepositoryStore } from '../repositories/index.js';

/** How long a repository that holds something, and is no copy, is not looked at again: it would have to be emptied first. */
const BELIEVED_MS = 60_000;

/**
 * Which repositories hold nothing but copies of an upstream, and so may be emptied: those in which nothing was pushed
 * before the first copy came. A file beside the data says so, since the index can be lost.
 */
export class Origins {
  readonly #store: RepositoryStore;
  readonly #copies = new Map<RepositoryName, boolean>();
  /** When {@link copiesAmong} has found that each is none. */
  readonly #othersAt = new Map<RepositoryName, number>();

  constructor(store: RepositoryStore) {
    this.#store = store;
  }

  /** To be called before the first copy is stored. */
  async claim(repository: RepositoryName): Promise<void> {
    if ((await this.isCopy(repository)) || !(await this.#isEmpty(repository))) return;
    await this.#mark(repository);
  }

  /** Takes over what the reference registry, as a copy of another one, has noted to be given up some day. */
  async adopt(): Promise<void> {
    const text = await this.#store.driver.read(layout.SCHEDULER_STATE).catch((error: unknown) => {
      if (error instanceof PathNotFoundError) return undefined;
      throw error;
    });
    for (const repository of text === undefined ? [] : repositoriesIn(text.toString('utf8')))
      if (!(await this.isCopy(repository))) await this.#mark(repository);
  }

  async isCopy(repository: RepositoryName): Promise<boolean> {
    const known = this.#copies.get(repository);
    // What is none may become one by another process.
    if (known || (known === false && !this.#store.locks.shared)) return known;
    const isCopy = (await this.#store.driver.stat(layout.copyMarkPath(repository))) !== undefined;
    this.#copies.set(repository, isCopy);
    return isCopy;
  }

  /** @param repositories that hold something. */
  async copiesAmong(repositories: readonly RepositoryName[]): Promise<RepositoryName[]> {
    const now = this.#store.now().getTime();
    const copies: RepositoryName[] = [];
    for (const name of repositories) {
      const foundAt = this.#othersAt.get(name);
      if (foundAt !== undefined && now - foundAt < BELIEVED_MS) continue;
      if (await this.isCopy(name)) copies.push(name);
      else this.#othersAt.set(name, now);
    }
    return copies;
  }

  async #mark(repository: RepositoryName): Promise<void> {
    const path = layout.copyMarkPath(repository);
    await this.#store.driver.publish([{ path, bytes: Buffer.from('copies of an upstream\n') }]);
    this.#copies.set(repository, true);
  }

  async #isEmpty(repository: RepositoryName): Promise<boolean> {
    const { index, sync } = this.#store;
    const contents = await sync.consult(repository, () => index.contents(repository));
    return contents.blobs.size === 0 && contents.manifests.size === 0;
  }
}

/** Keys are `<repository>@<digest>`. distribution registry/proxy/scheduler. */
function repositoriesIn(text: string): Set<RepositoryName> {
  try {
    const names = Object.keys(JSON.parse(text)).map((key) => findRepositoryName(key.split('@', 1)[0] ?? ''));
    return new Set(names.filter((name) => name !== undefined));
  } catch (error) {
    if (error instanceof SyntaxError) return new Set();
    throw error;
  }
}
