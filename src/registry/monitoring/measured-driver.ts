import type {
  AppendWriter,
  ByteRange,
  Entry,
  FileInfo,
  FileReader,
  GatheredFile,
  NewFile,
  Publication,
  StorageDriver,
  StoragePath,
  WalkedFile,
} from '../../storage/index.js';
import type { Metrics } from './metrics.js';

/** The same store, with the time that each action takes in `registry_storage_action_seconds`, failures included. */
export function measuredDriver(
  driver: StorageDriver,
  metrics: Pick<Metrics, 'storageAction'>,
): StorageDriver {
  return new MeasuredDriver(driver, (action) => metrics.storageAction(driver.name, action));
}

type Observe = (seconds: number) => void;

class MeasuredDriver implements StorageDriver {
  readonly name: string;
  readonly create?: (path: StoragePath) => Promise<NewFile>;
  readonly walk?: (path: StoragePath) => AsyncIterable<WalkedFile>;
  readonly gather?: (
    paths: readonly StoragePath[],
    options: { readUpTo: number },
  ) => Promise<readonly GatheredFile[]>;
  readonly listAll?: (paths: readonly StoragePath[]) => Promise<readonly (readonly string[])[]>;
  readonly #driver: StorageDriver;
  readonly #observe: Readonly<Record<(typeof ACTIONS)[number], Observe>>;

  constructor(driver: StorageDriver, observer: (action: string) => Observe) {
    this.name = driver.name;
    this.#driver = driver;
    this.#observe = {
      GetContent: observer('GetContent'),
      PutContent: observer('PutContent'),
      Reader: observer('Reader'),
      Writer: observer('Writer'),
      Stat: observer('Stat'),
      List: observer('List'),
      Delete: observer('Delete'),
      RedirectURL: observer('RedirectURL'),
    };
    const { create, gather, listAll, walk } = driver;
    if (create) this.create = (path) => measured(this.#observe.Writer, create.call(driver, path));
    if (gather) this.gather = (...args) => measured(this.#observe.GetContent, gather.apply(driver, args));
    if (listAll) this.listAll = (paths) => measured(this.#observe.List, listAll.call(driver, paths));
    if (walk) this.walk = (path) => measuredEach(this.#observe.List, walk.call(driver, path));
  }

  stat(path: StoragePath): Promise<FileInfo | undefined> {
    return measured(this.#observe.Stat, this.#driver.stat(path));
  }

  read(path: StoragePath): Promise<Buffer> {
    return measured(this.#observe.GetContent, this.#driver.read(path));
  }

  publish(...stages: readonly (readonly Publication[])[]): Promise<void> {
    return measured(this.#observe.PutContent, this.#driver.publish(...stages));
  }

  open(path: StoragePath, range?: ByteRange): Promise<FileReader> {
    return measured(this.#observe.Reader, this.#driver.open(path, range));
  }

  append(path: StoragePath, options?: { fresh?: boolean }): Promise<AppendWriter> {
    return measured(this.#observe.Writer, this.#driver.append(path, options));
  }

  appended(path: StoragePath): Promise<FileInfo | undefined> {
    return measured(this.#observe.Stat, this.#driver.appended(path));
  }

  list(path: StoragePath, options?: { after?: string }): AsyncIterable<Entry> {
    return measuredEach(this.#observe.List, this.#driver.list(path, options));
  }

  delete(path: StoragePath, options?: { durable?: boolean; unpublished?: boolean }): Promise<void> {
    return measured(this.#observe.Delete, this.#driver.delete(path, options));
  }

  deleteAll(paths: readonly StoragePath[], options?: { durable?: boolean }): Promise<void> {
    return measured(this.#observe.Delete, this.#driver.deleteAll(paths, options));
  }

  deleteFiles(
    paths: readonly StoragePath[],
    options?: { changedBefore?: Date | undefined },
  ): Promise<(number | undefined)[]> {
    return measured(this.#observe.Delete, this.#driver.deleteFiles(paths, options));
  }

  signedUrl(path: StoragePath, options: { method: 'GET' | 'HEAD' }): Promise<string | undefined> {
    return measured(this.#observe.RedirectURL, this.#driver.signedUrl(path, options));
  }

  leftovers(olderThan: Date): AsyncIterable<string> {
    return measuredEach(this.#observe.List, this.#driver.leftovers(olderThan));
  }

  removeLeftovers(olderThan: Date): Promise<void> {
    return this.#driver.removeLeftovers(olderThan);
  }

  freeBytes(): Promise<number | undefined> {
    return this.#driver.freeBytes();
  }
}

/** Names of the reference registry's actions. */
const ACTIONS = [
  'GetContent',
  'PutContent',
  'Reader',
  'Writer',
  'Stat',
  'List',
  'Delete',
  'RedirectURL',
] as const;

async function measured<T>(observe: Observe, action: Promise<T>): Promise<T> {
  const started = performance.now();
  try {
    return await action;
  } finally {
    observe((performance.now() - started) / 1000);
  }
}

/** Counts the time until each item came, not what the caller did with it. */
async function* measuredEach<T>(observe: Observe, source: AsyncIterable<T>): AsyncGenerator<T> {
  const items = source[Symbol.asyncIterator]();
  let milliseconds = 0;
  try {
    while (true) {
      const asked = performance.now();
      const next = await items.next();
      milliseconds += performance.now() - asked;
      if (next.done) return;
      yield next.value;
    }
  } finally {
    await items.return?.();
    observe(milliseconds / 1000);
  }
}
