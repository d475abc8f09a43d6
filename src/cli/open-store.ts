import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Blobs, HashPool, Uploads } from '../content/index.js';
import { type MetadataIndex, SqliteIndex } from '../index/index.js';
import type { Config } from '../registry/config/index.js';
import type { Logger } from '../registry/logger.js';
import { IndexSync, RepositoryLocks, type RepositoryStore, Trash } from '../registry/repositories/index.js';
import { reasonOf } from '../registry/system-error.js';
import { FilesystemDriver, MemoryDriver, type StorageDriver } from '../storage/index.js';
import { lockRoot, RootTakenError } from './root-lock.js';

export type OpenStore = AsyncDisposable &
  Readonly<{ store: RepositoryStore; uploads: Uploads; driver: StorageDriver; index: MetadataIndex }>;

/**
 * Storage, index and what stands on them, as the configuration says.
 * @param options `wrap` goes around the storage driver, to measure it; `alone` takes the root directory for this process;
 *   `indexInMemory` takes the place of an index file that cannot be used, and is told why: without it, that is a failure.
 * @throws {RootTakenError} `alone` while another server is there.
 */
export async function openStore(
  config: Config,
  log: Logger,
  options: {
    wrap?: (driver: StorageDriver) => StorageDriver;
    alone?: boolean;
    indexInMemory?: (error: unknown) => void;
  } = {},
): Promise<OpenStore> {
  const { wrap = (driver) => driver, alone = false } = options;
  const driver = wrap(await openDriver(config));
  const lock = alone ? takeRoot(config, log) : undefined;
  const blobs = new Blobs(driver);
  const pool = new HashPool();
  const index = openIndex(indexPath(config), options);
  const sync = new IndexSync({ driver, blobs }, index, log);
  const trash = config.berth.trash.keep > 0 ? new Trash(driver, index) : undefined;
  return {
    store: { driver, blobs, index, sync, trash, locks: new RepositoryLocks(), now: () => new Date() },
    uploads: new Uploads(driver, pool),
    driver,
    index,
    async [Symbol.asyncDispose]() {
      await pool[Symbol.asyncDispose]();
      await index.close();
      lock?.[Symbol.dispose]();
    },
  };
}

/**
 * The same for commands beside the registry, which make no registry where there is none.
 * @param options `alone` for what must not be done beside a server.
 * @throws {Error} there is no root directory, or storage is in memory. @throws {RootTakenError}
 */
export async function openExistingStore(
  config: Config,
  log: Logger,
  options: { alone?: boolean } = {},
): Promise<OpenStore> {
  const root = config.storage.filesystem?.rootdirectory;
  if (root === undefined) throw new Error('storage is in memory: what it holds ends with the registry');
  if (!existsSync(root)) {
    throw new Error(`there is no registry in ${resolve(root)}; name its configuration with --config`);
  }
  return openStore(config, log, options);
}

async function openDriver({ storage }: Config): Promise<StorageDriver> {
  if (storage.filesystem === undefined) return new MemoryDriver();
  const root = resolve(storage.filesystem.rootdirectory);
  try {
    return await FilesystemDriver.open(root);
  } catch (error) {
    throw new Error(`cannot use storage.filesystem.rootdirectory ${root}: ${reasonOf(error)}`, {
      cause: error,
    });
  }
}

/** Where nothing is written there is nothing to keep apart. */
function takeRoot({ storage }: Config, log: Logger): Disposable | undefined {
  if (storage.filesystem === undefined || storage.maintenance.readonly.enabled) return undefined;
  try {
    return lockRoot(resolve(storage.filesystem.rootdirectory));
  } catch (error) {
    if (error instanceof RootTakenError) throw error;
    log.warn({ error }, 'the root directory cannot be locked: see that no other registry serves it');
    return undefined;
  }
}

/** A store that cannot be written can still be served: the index is made anew from the files then. */
function openIndex(
  path: string,
  { indexInMemory }: { indexInMemory?: (error: unknown) => void },
): SqliteIndex {
  try {
    return new SqliteIndex(path);
  } catch (error) {
    if (indexInMemory === undefined)
      throw new Error(`cannot use the index ${path}: ${reasonOf(error)}`, { cause: error });
    indexInMemory(error);
    return new SqliteIndex(':memory:');
  }
}

/** @returns where the index is, or `:memory:` for content that is there only. */
export function indexPath({ storage, berth }: Config): string {
  if (berth.index.path) return resolve(berth.index.path);
  if (storage.filesystem === undefined) return ':memory:';
  return join(resolve(storage.filesystem.rootdirectory), 'berth', 'index.sqlite');
}
