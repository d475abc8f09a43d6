import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type MetadataIndex, openPostgres, type PostgresOptions, SqliteIndex } from '../index/index.js';
import type { Locks } from '../locks/index.js';
import type { Config } from '../registry/config/index.js';
import { readConfigured } from '../registry/configured-file.js';
import { reasonOf } from '../registry/system-error.js';
import type { StorageDriver } from '../storage/index.js';
import { localFolder } from './local-folder.js';
import { registryId } from './registry-id.js';

/** `locks` are between all that have it, where the index brings some. */
type OpenIndex = AsyncDisposable & Readonly<{ index: MetadataIndex; locks?: Locks }>;

/** Whether several servers may have one registry. */
export function hasReplicas({ berth }: Config): boolean {
  return berth.index.postgresql.url !== undefined;
}

/**
 * The index, as the configuration says. A store that cannot be written can still be served: the index is made anew from the
 * files then.
 * @param options `driver` of the files that it is of; `indexInMemory` takes the place of an index file that cannot be used,
 *   and is told why: without it, that is a failure; `shared` with other processes that serve the same.
 */
export async function openIndex(
  config: Config,
  {
    driver,
    indexInMemory,
    shared = false,
  }: {
    driver: StorageDriver;
    indexInMemory?: ((error: unknown) => void) | undefined;
    shared?: boolean;
  },
): Promise<OpenIndex> {
  if (hasReplicas(config)) {
    const { index, locks } = await openPostgres(postgresOptions(config, driver));
    return {
      index,
      locks,
      async [Symbol.asyncDispose]() {
        await locks[Symbol.asyncDispose]();
        await index.close();
      },
    };
  }
  const index = openFile(indexPath(config, process.env), { indexInMemory, shared });
  return { index, [Symbol.asyncDispose]: () => index.close() };
}

/**
 * How the database is reached, of a registry that has one.
 * @param driver of the registry that what is in it has to be of; without it, that is not looked at.
 */
export function postgresOptions(config: Config, driver: StorageDriver | undefined): PostgresOptions {
  const { url, passwordfile, ...options } = config.berth.index.postgresql;
  if (url === undefined) throw new TypeError('berth.index.postgresql has no url');
  return {
    ...options,
    url,
    ...(passwordfile !== undefined && { password: () => readPassword(passwordfile) }),
    ...(driver && { registry: () => registryId(driver) }),
  };
}

/** For those who want nothing of it. */
export function indexNowhere(): OpenIndex {
  const index = new SqliteIndex(':memory:');
  return { index, [Symbol.asyncDispose]: () => index.close() };
}

function openFile(
  path: string,
  { indexInMemory, shared }: { indexInMemory: ((error: unknown) => void) | undefined; shared: boolean },
): SqliteIndex {
  try {
    return new SqliteIndex(path, { shared });
  } catch (error) {
    if (indexInMemory === undefined)
      throw new Error(`cannot use the index ${path}: ${reasonOf(error)}`, { cause: error });
    indexInMemory(error);
    return new SqliteIndex(':memory:');
  }
}

/** What people call it, and whether nothing can be in it yet. */
export function findIndex(
  config: Config,
  env: NodeJS.ProcessEnv,
): Readonly<{ name: string; isNew: boolean }> {
  const { url } = config.berth.index.postgresql;
  if (url === undefined) {
    const path = indexPath(config, env);
    return { name: path, isNew: !existsSync(path) };
  }
  const { host, pathname } = new URL(url);
  return { name: `PostgreSQL ${host}${pathname}`, isNew: false };
}

/** @returns the file of the index, or `:memory:`. */
function indexPath(config: Config, env: NodeJS.ProcessEnv): string {
  if (config.berth.index.path) return resolve(config.berth.index.path);
  const folder = localFolder(config, env);
  return folder === undefined ? ':memory:' : join(folder, 'berth', 'index.sqlite');
}

async function readPassword(path: string): Promise<string> {
  const bytes = await readConfigured(path, 'berth.index.postgresql.passwordfile');
  return bytes.toString().replace(/\r?\n$/, '');
}
