import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { openKeptTables } from '../index/index.js';
import type { Config } from '../registry/config/index.js';
import {
  type EventQueue,
  isDamaged,
  PostgresQueue,
  QUEUE_TABLES,
  SqliteQueue,
  setAside,
} from '../registry/events/index.js';
import type { Logger } from '../registry/logger.js';
import type { StorageDriver } from '../storage/index.js';
import { localFolder } from './local-folder.js';
import { hasReplicas, postgresOptions } from './open-index.js';

/** Where events wait: in the database of the index, in a file, or in memory. */
export type QueuePlace = 'database' | 'memory' | Readonly<{ file: string }>;

/** One statement that writes is under way at a time, and those that look. */
const CONNECTIONS = 2;

/** Servers of one registry have one queue, unless each is given a file of its own. */
export function queuePlace(config: Config, env: NodeJS.ProcessEnv): QueuePlace {
  const { notifications, index } = config.berth;
  if (notifications.path) return { file: resolve(notifications.path) };
  if (hasReplicas(config)) return 'database';
  if (index.path) return { file: join(dirname(resolve(index.path)), 'events.sqlite') };
  const folder = localFolder(config, env);
  return folder === undefined ? 'memory' : { file: join(folder, 'berth', 'events.sqlite') };
}

/**
 * A registry without its file still serves: events are then kept in memory, and the log says so.
 * @param parts `driver` of the registry's files.
 */
export async function openQueue(
  config: Config,
  place: QueuePlace,
  { log, driver }: { log: Logger; driver: StorageDriver },
): Promise<EventQueue> {
  if (place === 'database') return openTables(config, driver);
  if (place === 'memory') {
    log.warn(
      {},
      'events wait in memory and are lost at the end: berth.notifications.path names a file for them',
    );
    return new SqliteQueue(':memory:');
  }
  try {
    return openSound(place.file, log);
  } catch (error) {
    log.error(
      { error, path: place.file },
      'the queue of events cannot be used: events wait in memory, and are lost at the end',
    );
    return new SqliteQueue(':memory:');
  }
}

/** The queue of a registry that has been there. @throws {Error} there is none. */
export async function openExistingQueue(config: Config, env: NodeJS.ProcessEnv): Promise<EventQueue> {
  const place = queuePlace(config, env);
  if (place === 'database') return openTables(config, undefined);
  if (place === 'memory')
    throw new Error('events wait in the memory of the registry; see berth.notifications.path');
  if (!existsSync(place.file))
    throw new Error(`there are no events in ${place.file}; name the configuration with --config`);
  return new SqliteQueue(place.file);
}

/** @param driver of the registry that it has to be of. */
async function openTables(config: Config, driver: StorageDriver | undefined): Promise<EventQueue> {
  const options = { ...postgresOptions(config, driver), connections: CONNECTIONS };
  return new PostgresQueue(await openKeptTables(options, QUEUE_TABLES));
}

function openSound(path: string, log: Logger): SqliteQueue {
  try {
    return new SqliteQueue(path);
  } catch (error) {
    if (!isDamaged(error)) throw error;
    const aside = setAside(path, new Date());
    log.error({ error, aside }, 'the queue of events was damaged: it is kept aside, and a new one begins');
    return new SqliteQueue(path);
  }
}
