import type { Blobs } from '../../content/index.js';
import type { MetadataIndex, RepositoryContents } from '../../index/index.js';
import type { Digest, RepositoryName } from '../../oci/index.js';
import type { StorageDriver } from '../../storage/index.js';
import type { Logger } from '../logger.js';
import { forEachSideBySide, SIDE_BY_SIDE } from '../side-by-side.js';
import { gatherLinks, type Links, linksOf } from './links.js';
import { gatherNewLinks } from './new-links.js';
import { isNothing, type ScanOptions, scanRepository } from './scan.js';
import { walkLinks, walkRepositories } from './walk.js';

/** Links as a list of all files showed them when the index was at `version`. */
type Walked = Readonly<{ links: Links; version: number }>;
/** `all`: many more repositories are to be compared. */
type CheckOptions = ScanOptions & Readonly<{ walked?: Walked; all?: boolean }>;
/** `between`: to be called after each repository. */
type RunOptions = Partial<ScanOptions> & Readonly<{ signal?: AbortSignal; between?: () => void }>;

/** `failed` could not be compared. */
export type CheckResult = Readonly<{ repositories: number; failed: number }>;

/**
 * Makes the index agree with the files. While this process did not run, anything may have happened to them
 * (another registry, a restored backup, a lost index), so each start compares everything once, in the
 * background. A repository that someone asks for meanwhile is compared first: no answer ever comes from an
 * index that was not checked.
 */
export class IndexSync {
  readonly #driver: StorageDriver;
  readonly #blobs: Blobs;
  readonly #index: MetadataIndex;
  readonly #log: Logger;
  readonly #shared: boolean;
  readonly #checked = new Set<RepositoryName>();
  readonly #distrusted = new Set<RepositoryName>();
  /** What other processes found. */
  #distrustedElsewhere: ReadonlySet<RepositoryName> = new Set();
  readonly #underWay = new Map<RepositoryName, Promise<void>>();
  #names: Promise<RepositoryName[]> | undefined;
  #complete = false;
  #running = false;
  #failure: unknown;
  #signal: AbortSignal | undefined;
  #generation: number;
  #rerun: Promise<void> | undefined;
  /** Of all blobs, while everything is compared and the store tells them at once. */
  #sizes: ReadonlyMap<Digest, number> | undefined;

  /** @param options `shared`: other processes serve the same registry with the same index, and one of them compares. */
  constructor(
    { driver, blobs }: Readonly<{ driver: StorageDriver; blobs: Blobs }>,
    index: MetadataIndex,
    log: Logger,
    options: { shared: boolean } = { shared: false },
  ) {
    this.#shared = options.shared;
    this.#driver = driver;
    this.#blobs = blobs;
    this.#index = index;
    this.#log = log;
    this.#generation = index.generation;
  }

  /** Whether every repository was compared. */
  get complete(): boolean {
    this.#noticeLoss();
    return this.#complete;
  }

  /** Why it was not, once a comparison of everything has failed and until the next one begins. */
  get failure(): unknown {
    return this.#failure;
  }

  /**
   * Notices where the index is gone, and what other processes found. Alone, it is then made anew in the background.
   * @throws it cannot be read or written.
   */
  async check(): Promise<void> {
    await this.#index.check();
    this.#noticeLoss();
    if (!this.#shared) return;
    // Nobody may have heard of them: the index was away when they were found.
    const told = [...this.#distrusted];
    for (const repository of told) await this.#index.comparison.setTrusted(repository, false);
    const { complete, distrusted } = await this.#index.comparison.get();
    if (this.#generation !== this.#index.generation) return; // what was read is lost
    this.#complete = complete;
    if (complete) this.#checked.clear();
    this.#distrustedElsewhere = new Set(distrusted);
    for (const repository of told) this.#distrusted.delete(repository); // whoever compares them tells all
  }

  /** Repositories that could not be compared. */
  get distrusted(): ReadonlySet<RepositoryName> {
    return new Set([...this.#distrusted, ...this.#distrustedElsewhere]);
  }

  /** Resolves once the index tells the truth about the repository: at once, except soon after the start. */
  ensure(repository: RepositoryName): Promise<void> | undefined {
    this.#noticeLoss();
    return this.#ensure(repository, { reread: false });
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

  /**
   * For when files turn out not to be what the index says: compares once more.
   * @param options `reread` trusts nothing that is indexed of manifests, but reads and verifies them again.
   */
  async recheck(repository: RepositoryName, options?: { reread: boolean }): Promise<void> {
    await this.ensure(repository);
    await this.#check(repository, options);
  }

  /** For when it cannot even be compared now: the next request for it compares first. */
  distrust(repository: RepositoryName): void {
    this.#checked.delete(repository);
    this.#distrusted.add(repository);
    if (!this.#shared) return;
    this.#index.comparison.setTrusted(repository, false).catch((error: unknown) => {
      this.#log.warn({ error, repository }, 'other servers cannot be told to compare a repository');
    });
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
   * @param options `reread` trusts nothing that is indexed of manifests, but reads and verifies them again; `namesOnly` is
   *   for one who only asks what may go, and keeps the index to himself.
   */
  async run(options: RunOptions = {}): Promise<CheckResult> {
    this.#signal = options.signal;
    this.#running = true;
    this.#failure = undefined;
    try {
      for (;;) {
        const { generation } = this.#index;
        const result = await this.#checkAll(options);
        if (generation === this.#index.generation) return result;
        this.#noticeLoss(); // lost meanwhile: once more
      }
    } catch (error) {
      this.#failure = error;
      throw error;
    } finally {
      this.#running = false;
    }
  }

  async #checkAll(given: RunOptions): Promise<CheckResult> {
    const { signal, reread = false, namesOnly = false, between } = given;
    const started = performance.now();
    this.#noticeLoss(); // or what was compared with a lost index would be passed over
    const { generation } = this.#index;
    let repositories = 0;
    let failed = 0;
    const isOver = () => signal?.aborted || generation !== this.#index.generation;
    const check = async ({ repository, walked }: { repository: RepositoryName; walked?: Walked }) => {
      repositories += 1;
      try {
        const options = { reread, namesOnly, all: true, ...(walked ? { walked } : {}) };
        await (reread ? this.#check(repository, options) : this.#ensure(repository, options));
      } catch (error) {
        this.#log.error({ error, repository }, 'the index of a repository could not be checked');
        this.distrust(repository);
        failed += 1;
      }
      between?.();
    };
    try {
      // Each comparison keeps a disk busy; one that waits for answers from afar leaves room for others.
      const atOnce = this.#driver.walk ? SIDE_BY_SIDE : 1;
      await forEachSideBySide(this.#all(), check, { atOnce, isOver });
    } finally {
      this.#sizes = undefined;
    }
    // Lost during the last comparison: nothing is known of the new index, and a request may have noticed before us.
    if (isOver()) return { repositories, failed };
    if (this.#shared) {
      await this.#index.comparison.end(generation);
      if (isOver()) return { repositories, failed };
    }
    this.#complete = true;
    this.#checked.clear();
    this.#names = undefined;
    const milliseconds = Math.round(performance.now() - started);
    this.#log.info({ repositories, milliseconds }, 'index checked against storage');
    return { repositories, failed };
  }

  #ensure(repository: RepositoryName, options: CheckOptions): Promise<void> | undefined {
    if (this.#isTrusted(repository)) return undefined;
    let check = this.#underWay.get(repository);
    if (check === undefined) {
      check = this.#check(repository, options).finally(() => this.#underWay.delete(repository));
      this.#underWay.set(repository, check);
    }
    return check;
  }

  #isTrusted(repository: RepositoryName): boolean {
    if (!this.#complete) return this.#checked.has(repository);
    return !this.#distrusted.has(repository) && !this.#distrustedElsewhere.has(repository);
  }

  /** Every repository that exists in the files or the index, with its links where one pass over the files shows all. */
  async *#all(): AsyncGenerator<{ repository: RepositoryName; walked?: Walked }> {
    const groups = walkLinks(this.#driver);
    if (groups === undefined) {
      for (const repository of await this.names()) yield { repository };
      return;
    }
    // In this order: what changes after the version was read is compared once more.
    const versions = await this.#index.versions();
    this.#sizes = await this.#blobs.sizes();
    const rest = new Set(versions.keys());
    for await (const { repository, links } of groups) {
      rest.delete(repository);
      yield { repository, walked: { links, version: versions.get(repository) ?? 0 } };
    }
    for (const repository of rest) yield { repository };
  }

  #noticeLoss(): void {
    if (this.#generation === this.#index.generation) return;
    this.#generation = this.#index.generation;
    this.#log.error({}, 'the index was damaged or deleted: it is made anew from storage');
    this.#complete = false;
    this.#checked.clear();
    this.#names = undefined;
    this.#distrustedElsewhere = new Set();
    if (this.#running || this.#shared) return;
    this.#rerun = this.run(this.#signal ? { signal: this.#signal } : {}).then(
      () => {},
      (error: unknown) => this.#log.error({ error }, 'the index could not be checked against storage'),
    );
  }

  async #findNames(): Promise<RepositoryName[]> {
    const names = new Set(await this.#index.allRepositories());
    for await (const name of walkRepositories(this.#driver)) names.add(name);
    return [...names].sort();
  }

  async #check(
    repository: RepositoryName,
    { walked, all = false, ...options }: CheckOptions = { reread: false },
  ): Promise<void> {
    for (let first = true; ; first = false) {
      const { generation } = this.#index;
      const indexed = await this.#index.contents(repository);
      const isFresh = first && walked?.version === indexed.version;
      const links = isFresh ? walked.links : await this.#linksOf(repository, indexed, { all, ...options });
      const blobs = all ? this.#gathered : this.#sized;
      const changes = await scanRepository({ links, blobs }, repository, indexed, options);
      // Unchanged repositories are not written: most starts find nothing to do.
      const agreed =
        isNothing(changes) || (await this.#index.applyChanges(repository, changes, indexed.version));
      if (agreed && generation === this.#index.generation) break;
    }
    if (!this.#complete) this.#checked.add(repository);
    if (this.distrusted.has(repository)) await this.#trust(repository);
  }

  async #trust(repository: RepositoryName): Promise<void> {
    this.#distrusted.delete(repository);
    if (!this.#shared) return;
    await this.#index.comparison.setTrusted(repository, true);
    this.#distrustedElsewhere = new Set([...this.#distrustedElsewhere].filter((name) => name !== repository));
  }

  /** One who waits for a single repository need not wait for threads to start, nor for what they have to do already. */
  #linksOf(
    repository: RepositoryName,
    indexed: RepositoryContents,
    { all, namesOnly = false }: CheckOptions,
  ): Promise<Links> {
    if (!all) return linksOf(this.#driver, repository);
    return namesOnly && indexed.blobs.size > 0
      ? gatherNewLinks(this.#driver, repository, indexed)
      : gatherLinks(this.#driver, repository);
  }

  get #gathered() {
    if (!this.#driver.gather) return this.#sized;
    const gather: Blobs['gather'] = (...args) => this.#blobs.gather(...args);
    return { ...this.#sized, gather };
  }

  /** The blobs, some of whose sizes need not be asked for. */
  get #sized(): Pick<Blobs, 'stat' | 'read'> {
    const [blobs, sizes] = [this.#blobs, this.#sizes];
    return {
      stat: async (digest) => sizes?.get(digest) ?? (await blobs.statNow(digest)),
      read: (digest) => blobs.read(digest),
    };
  }
}
