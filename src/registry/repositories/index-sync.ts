import type { MetadataIndex } from '../../index/index.js';
import type { RepositoryName } from '../../oci/index.js';
import type { Logger } from '../logger.js';
import { type ScanSource, scanRepository } from './scan.js';
import { walkRepositories } from './walk.js';

/**
 * Makes the index agree with the files. While this process did not run, anything may have happened to them
 * (another registry, a restored backup, a lost index), so each start compares everything once, in the
 * background. A repository that someone asks for meanwhile is compared first: no answer ever comes from an
 * index that was not checked.
 */
export class IndexSync {
  readonly #source: ScanSource;
  readonly #index: MetadataIndex;
  readonly #log: Logger;
  readonly #checked = new Set<RepositoryName>();
  readonly #underWay = new Map<RepositoryName, Promise<void>>();
  #names: Promise<RepositoryName[]> | undefined;
  #complete = false;

  constructor(source: ScanSource, index: MetadataIndex, log: Logger) {
    this.#source = source;
    this.#index = index;
    this.#log = log;
  }

  /** Whether every repository was compared. */
  get complete(): boolean {
    return this.#complete;
  }

  /** Resolves once the index tells the truth about the repository: at once, except soon after the start. */
  ensure(repository: RepositoryName): Promise<void> | undefined {
    if (this.#complete || this.#checked.has(repository)) return undefined;
    let check = this.#underWay.get(repository);
    if (check === undefined) {
      check = this.#check(repository).finally(() => this.#underWay.delete(repository));
      this.#underWay.set(repository, check);
    }
    return check;
  }

  /** For when files turn out not to be what the index says: compares once more. */
  async recheck(repository: RepositoryName): Promise<void> {
    await this.ensure(repository);
    await this.#check(repository);
  }

  /** Names in byte order of all repositories that exist in the files or the index. Walks the files once. */
  names(): Promise<RepositoryName[]> {
    this.#names ??= this.#findNames();
    return this.#names;
  }

  /** Compares everything. @returns how many repositories there are. */
  async run(signal?: AbortSignal): Promise<number> {
    const started = performance.now();
    const names = await this.names();
    for (const repository of names) {
      if (signal?.aborted) return names.length;
      await this.ensure(repository);
    }
    this.#complete = true;
    this.#checked.clear();
    this.#names = undefined;
    const milliseconds = Math.round(performance.now() - started);
    this.#log.info({ repositories: names.length, milliseconds }, 'index checked against storage');
    return names.length;
  }

  async #findNames(): Promise<RepositoryName[]> {
    const names = new Set(await this.#index.allRepositories());
    for await (const name of walkRepositories(this.#source.driver)) names.add(name);
    return [...names].sort();
  }

  async #check(repository: RepositoryName): Promise<void> {
    for (;;) {
      const indexed = await this.#index.contents(repository);
      const changes = await scanRepository(this.#source, repository, indexed);
      const count = Object.values(changes).reduce((sum, list) => sum + list.length, 0);
      // Unchanged repositories are not written: most starts find nothing to do.
      if (count === 0 || (await this.#index.applyChanges(repository, changes, indexed.version))) break;
    }
    if (!this.#complete) this.#checked.add(repository);
  }
}
