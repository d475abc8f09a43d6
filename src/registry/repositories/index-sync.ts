import type { MetadataIndex } from '../../index/index.js';
import type { RepositoryName } from '../../oci/index.js';
import type { Logger } from '../logger.js';
import { isNothing, type ScanSource, scanRepository } from './scan.js';
import { walkRepositories } from './walk.js';

/** `failed` could not be compared. */
export type CheckResult = Readonly<{ repositories: number; failed: number }>;

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
  readonly #distrusted = new Set<RepositoryName>();
  readonly #underWay = new Map<RepositoryName, Promise<void>>();
  #names: Promise<RepositoryName[]> | undefined;
  #complete = false;
  #running = false;
  #signal: AbortSignal | undefined;
  #generation: number;
  #rerun: Promise<void> | undefined;

  constructor(source: ScanSource, index: MetadataIndex, log: Logger) {
    this.#source = source;
    this.#index = index;
    this.#log = log;
    this.#generation = index.generation;
  }

  /** Whether every repository was compared. */
  get complete(): boolean {
    this.#noticeLoss();
    return this.#complete;
  }

  /** Repositories that could not be compared. */
  get distrusted(): ReadonlySet<RepositoryName> {
    return this.#distrusted;
  }

  /** Resolves once the index tells the truth about the repository: at once, except soon after the start. */
  ensure(repository: RepositoryName): Promise<void> | undefined {
    this.#noticeLoss();
    const trusted = this.#complete ? !this.#distrusted.has(repository) : this.#checked.has(repository);
    if (trusted) return undefined;
    let check = this.#underWay.get(repository);
    if (check === undefined) {
      check = this.#check(repository).finally(() => this.#underWay.delete(repository));
      this.#underWay.set(repository, check);
    }
    return check;
  }

  /**
   * What `read` finds in the index while that tells the truth about the repository: another request may find the index
   * damaged between the comparison and the read, which then begins anew.
   */
  async consult<T>(repository: RepositoryName, read: () => Promise<T>): Promise<T> {
    for (;;) {
      const check = this.ensure(repository);
      if (check === undefined) {
        const { generation } = this.#index;
        const found = await read();
        if (generation === this.#index.generation) return found;
      }
      await check;
    }
  }

  /** Resolves when nothing is compared any more that began by itself. */
  async settle(): Promise<void> {
    await this.#rerun;
  }

  /** For when files turn out not to be what the index says: compares once more. */
  async recheck(repository: RepositoryName): Promise<void> {
    await this.ensure(repository);
    await this.#check(repository);
  }

  /** For when it cannot even be compared now: the next request for it compares first. */
  distrust(repository: RepositoryName): void {
    this.#checked.delete(repository);
    this.#distrusted.add(repository);
  }

  /** Names in byte order of all repositories that exist in the files or the index. Walks the files once. */
  names(): Promise<RepositoryName[]> {
    this.#names ??= this.#findNames().catch((error) => {
      this.#names = undefined; // the next one to ask tries again
      throw error;
    });
    return this.#names;
  }

  /**
   * Compares everything. A repository that cannot be compared is passed over, and compared when it is asked for.
   * @param options `reread` trusts nothing that is indexed of manifests, but reads and verifies them again.
   */
  async run(options: { signal?: AbortSignal; reread?: boolean } = {}): Promise<CheckResult> {
    this.#signal = options.signal;
    this.#running = true;
    try {
      for (;;) {
        const { generation } = this.#index;
        const result = await this.#checkAll(options);
        if (generation === this.#index.generation) return result;
        this.#noticeLoss(); // lost meanwhile: once more
      }
    } finally {
      this.#running = false;
    }
  }

  async #checkAll({
    signal,
    reread = false,
  }: {
    signal?: AbortSignal;
    reread?: boolean;
  }): Promise<CheckResult> {
    const started = performance.now();
    const { generation } = this.#index;
    const names = await this.names();
    let failed = 0;
    for (const repository of names) {
      if (signal?.aborted || generation !== this.#index.generation)
        return { repositories: names.length, failed };
      try {
        await (reread ? this.#check(repository, { reread }) : this.ensure(repository));
      } catch (error) {
        this.#log.error({ error, repository }, 'the index of a repository could not be checked');
        this.#distrusted.add(repository);
        failed += 1;
      }
    }
    // Lost during the last comparison: nothing is known of the new index, and a request may have noticed before us.
    if (generation !== this.#index.generation) return { repositories: names.length, failed };
    this.#complete = true;
    this.#checked.clear();
    this.#names = undefined;
    const milliseconds = Math.round(performance.now() - started);
    this.#log.info({ repositories: names.length, milliseconds }, 'index checked against storage');
    return { repositories: names.length, failed };
  }

  #noticeLoss(): void {
    if (this.#generation === this.#index.generation) return;
    this.#generation = this.#index.generation;
    this.#log.error({}, 'the index was damaged: it is made anew from storage');
    this.#complete = false;
    this.#checked.clear();
    this.#names = undefined;
    if (this.#running) return;
    this.#rerun = this.run(this.#signal ? { signal: this.#signal } : {}).then(
      () => {},
      (error: unknown) => this.#log.error({ error }, 'the index could not be checked against storage'),
    );
  }

  async #findNames(): Promise<RepositoryName[]> {
    const names = new Set(await this.#index.allRepositories());
    for await (const name of walkRepositories(this.#source.driver)) names.add(name);
    return [...names].sort();
  }

  async #check(repository: RepositoryName, options: { reread: boolean } = { reread: false }): Promise<void> {
    for (;;) {
      const { generation } = this.#index;
      const indexed = await this.#index.contents(repository);
      const changes = await scanRepository(this.#source, repository, indexed, options);
      // Unchanged repositories are not written: most starts find nothing to do.
      const agreed =
        isNothing(changes) || (await this.#index.applyChanges(repository, changes, indexed.version));
      if (agreed && generation === this.#index.generation) break;
    }
    this.#distrusted.delete(repository);
    if (!this.#complete) this.#checked.add(repository);
  }
}
