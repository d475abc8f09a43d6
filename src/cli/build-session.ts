import { join } from 'node:path';
import { CacheDatabase, Layers, MountDirectories, StepCache } from '../builder/index.js';
import type { RegistryClient } from '../client/index.js';
import { LocalStore } from '../image/index.js';
import type { BuildFlags } from './build-flags.js';
import { LazyRunner } from './build-runner.js';
import { storeRoot } from './image-store.js';
import { Interruption } from './interruption.js';

type BuildService = Readonly<{ signal: AbortSignal; openClient: () => Promise<RegistryClient> }>;

/** What a build works with on this machine. Closed at the end, whatever happens. */
export class BuildSession implements AsyncDisposable {
  readonly store: LocalStore;
  readonly cacheRoot: string;
  readonly cache: StepCache;
  readonly directories: MountDirectories;
  readonly layers: Layers;
  readonly runner: LazyRunner;
  readonly signal: AbortSignal;
  readonly #db: CacheDatabase;
  readonly #interruption: Interruption | undefined;
  readonly #openClient: () => Promise<RegistryClient>;
  readonly #isService: boolean;
  #client: Promise<RegistryClient> | undefined;

  /** @param service in whose name it builds: that has its own signal and clients. Otherwise Ctrl-C ends it. */
  constructor(flags: BuildFlags, service?: BuildService) {
    const root = storeRoot(flags);
    this.cacheRoot = join(root, 'build-cache');
    this.store = LocalStore.open(root);
    this.#db = new CacheDatabase(join(this.cacheRoot, 'cache.sqlite'));
    this.cache = new StepCache(this.#db, this.store);
    this.directories = new MountDirectories(this.#db, join(this.cacheRoot, 'mounts'));
    this.layers = new Layers({
      store: this.store,
      cache: this.cache,
      directory: join(this.cacheRoot, 'indexes'),
    });
    this.runner = new LazyRunner(root);
    this.#interruption = service === undefined ? new Interruption() : undefined;
    this.signal = service?.signal ?? this.#interruption?.signal ?? new AbortController().signal;
    this.#isService = service !== undefined;
    this.#openClient = service?.openClient ?? (() => openClientFor(flags, this.signal));
  }

  client(): Promise<RegistryClient> {
    this.#client ??= this.#openClient();
    return this.#client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.runner[Symbol.asyncDispose]();
    await (await this.#client?.catch(() => undefined))?.[Symbol.asyncDispose]();
    await this.layers.close();
    if (this.#isService) this.#db.close();
    if (this.#isService) this.store.close();
    else this.store.leave(); // and the cache's file, where nothing waits for the disk
    this.#interruption?.[Symbol.dispose]();
  }
}

async function openClientFor(flags: BuildFlags, signal: AbortSignal): Promise<RegistryClient> {
  const { openRegistryClient } = await import('./registries.js');
  return openRegistryClient(flags, { signal });
}
