import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../registry/config/index.js';
import type { Logger } from '../registry/logger.js';
import { localFolder } from './local-folder.js';
import { hasReplicas } from './open-index.js';
import { lockRoot, RootTakenError, SERVER } from './root-lock.js';

/** Whoever is not a server can ask the one that has the root directory. */
const COMMAND_WAIT_MS = 5;
/** How soon a server begins after a command is done. */
const AGAIN_MS = 250;

/**
 * The root directory of a registry, for `command`. Replicas have locks between them instead.
 * A server waits for commands that have it, however long they take: it could not begin without it.
 * @throws {RootTakenError} a server has it; with a command, anybody.
 */
export async function takeRoot(
  config: Config,
  log: Logger,
  command: string,
): Promise<Disposable | undefined> {
  const folder = hasReplicas(config) ? undefined : localFolder(config, process.env);
  if (folder === undefined) return undefined;
  const { s3 } = config.storage;
  const bucket = s3 && { name: `bucket ${s3.bucket}`, key: 'storage.s3.bucket' };
  try {
    if (command !== SERVER) return lockRoot(folder, { ...bucket, command, waitMs: COMMAND_WAIT_MS });
    return await lockAfterCommands(() => lockRoot(folder, { ...bucket, command }), log);
  } catch (error) {
    if (error instanceof RootTakenError) throw error;
    log.warn({ error }, 'the root directory cannot be locked: see that no other registry serves it');
    return undefined;
  }
}

async function lockAfterCommands(lock: () => Disposable, log: Logger): Promise<Disposable> {
  for (let told: string | undefined; ; await sleep(AGAIN_MS)) {
    try {
      return lock();
    } catch (error) {
      if (!(error instanceof RootTakenError && error.isCommand)) throw error;
      const { holder } = error;
      if (holder !== told) log.warn({ holder }, 'waits for a command that has the root directory to be done');
      told = holder;
    }
  }
}
