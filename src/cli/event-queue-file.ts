import { dirname, join, resolve } from 'node:path';
import type { Config } from '../registry/config/index.js';
import { isDamaged, SqliteQueue, setAside } from '../registry/events/index.js';
import type { Logger } from '../registry/logger.js';
import { localFolder } from './local-folder.js';

/** @returns the file of the queue of events, or `:memory:`. */
export function queuePath(config: Config, env: NodeJS.ProcessEnv): string {
  if (config.berth.notifications.path) return resolve(config.berth.notifications.path);
  if (config.berth.index.path) return join(dirname(resolve(config.berth.index.path)), 'events.sqlite');
  const folder = localFolder(config, env);
  return folder === undefined ? ':memory:' : join(folder, 'berth', 'events.sqlite');
}

/** A registry without its queue still serves: events are then kept in memory, and the log says so. */
export function openQueue(path: string, log: Logger): SqliteQueue {
  if (path === ':memory:')
    log.warn(
      {},
      'events wait in memory and are lost at the end: berth.notifications.path names a file for them',
    );
  try {
    return openSound(path, log);
  } catch (error) {
    log.error(
      { error, path },
      'the queue of events cannot be used: events wait in memory, and are lost at the end',
    );
    return new SqliteQueue(':memory:');
  }
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
