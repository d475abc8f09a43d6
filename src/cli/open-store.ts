import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { Blobs, HashPool, Uploads } from '../content/index.js';
import type { MetadataIndex } from '../index/index.js';
import type { Locks } from '../locks/index.js';
import type { Config } from '../registry/config/index.js';
import type { Logger } from '../registry/logger.js';
import { IndexSync, RepositoryLocks, type RepositoryStore, Trash } from '../registry/repositories/index.js';
import { reasonOf } from '../registry/system-error.js';
import { FilesystemDriver, MemoryDriver, openS3, type StorageDriver } from '../storage/index.js';
import { hasReplicas, indexNowhere, openIndex } from './open-index.js';
import { s3Options } from './s3-options.js';
import { takeRoot } from './take-root.js';

/** A request to the store for each that a client makes would be much, where that is far away. */
const REMEMBER_BLOB_MS = 60_000;

export type OpenStore = AsyncDisposable &
  Readonly<{
    store: RepositoryStore;
    uploads: Uploads;
    driver: StorageDriver;
    index: MetadataIndex;
    /** Between all processes that serve it, where others may. */
    locks: Locks | undefined;
  }>;

type StoreOptions = Readonly<{
  /** Goes around the storage driver, to measure it. */
  wrap?: (driver: StorageDriver) => StorageDriver;
  /** Takes the root directory for this command, unless the index is made for several. */
  aloneFor?: string;
  /** Leaves it to who writes, all the same. */
  onlyReads?: boolean;
  /** An index in memory takes the place of a file that cannot be used, and this is told why: without it, that is a failure. */
  indexInMemory?: (error: unknown) => void;
  /** Between this process and others that serve the same. */
  locks?: Locks | undefined;
  /** Leaves the index alone. */
  withoutIndex?: boolean;
  /** From 0 to 19: how much the removal of many files gives way to all else. */
  nice?: number;
}>;

/**
 * Storage, index and what stands on them, as the configuration says.
 * @throws {RootTakenError} `aloneFor` while another process is there.
 */
export async function openStore(config: Config, log: Logger, options: StoreOptions = {}): Promise<OpenStore> {
  const { wrap = (driver) => driver } = options;
  const alone = options.aloneFor !== undefined && options.locks === undefined && !hasReplicas(config);
  const own = await openDriver(config, { log, alone, nice: options.nice ?? 0 });
  using opening = new DisposableStack();
  if (Symbol.dispose in own) opening.use(own);
  const driver = wrap(own);
  if (options.aloneFor && !options.onlyReads) opening.use(await takeRoot(config, log, options.aloneFor));
  const rememberMs = config.storage.s3 ? REMEMBER_BLOB_MS : 0;
  const blobs = new Blobs(driver, { rememberMs, alone });
  const pool = new HashPool();
  const { indexInMemory, withoutIndex } = options;
  const opened = withoutIndex
    ? indexNowhere()
    : await openIndex(config, {
        driver,
        indexInMemory,
        shared: options.aloneFor === undefined || options.locks !== undefined,
      });
  const { index, locks = options.locks } = opened;
  const sync = new IndexSync({ driver, blobs }, index, log, { shared: locks !== undefined });
  const trash = new Trash(driver, index, { keeps: config.berth.trash.keep > 0 });
  const held = opening.move();
  return {
    store: { driver, blobs, index, sync, trash, locks: new RepositoryLocks(locks), now: () => new Date() },
    uploads: new Uploads(driver, pool, { alone, locks }),
    driver,
    index,
    locks,
    async [Symbol.asyncDispose]() {
      await pool[Symbol.asyncDispose]();
      await opened[Symbol.asyncDispose]();
      held.dispose();
    },
  };
}

/**
 * The same for commands beside the registry, which make no registry where there is none.
 * @param options `aloneFor` what must not be done beside a server; `withoutIndex` for what needs none.
 * @throws {Error} there is no root directory, or storage is in memory. @throws {RootTakenError}
 */
export async function openExistingStore(
  config: Config,
  log: Logger,
  options: Pick<StoreOptions, 'aloneFor' | 'withoutIndex'> = {},
): Promise<OpenStore> {
  const { filesystem, s3 } = config.storage;
  if (!filesystem && !s3) throw new Error('storage is in memory: what it holds ends with the registry');
  if (filesystem && !existsSync(filesystem.rootdirectory)) {
    const root = resolve(filesystem.rootdirectory);
    throw new Error(`there is no registry in ${root}; name its configuration with --config`);
  }
  return openStore(config, log, options);
}

async function openDriver(
  { storage: { filesystem, s3 } }: Config,
  { log, alone, nice }: { log: Logger; alone: boolean; nice: number },
): Promise<Driver> {
  if (s3) {
    const options = await s3Options(s3, { env: process.env, log, alone });
    const { bucket, endpoint } = options;
    return explained(`storage.s3.bucket ${bucket}${endpoint ? ` at ${endpoint}` : ''}`, () =>
      openS3(options),
    );
  }
  if (!filesystem) return new MemoryDriver();
  const root = resolve(filesystem.rootdirectory);
  return explained(`storage.filesystem.rootdirectory ${root}`, () => FilesystemDriver.open(root, { nice }));
}

/** Some hold connections. */
type Driver = StorageDriver | (StorageDriver & Disposable);

async function explained<T>(what: string, open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (error) {
    throw new Error(`cannot use ${what}: ${reasonOf(error)}`, { cause: error });
  }
}
