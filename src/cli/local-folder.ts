import { createHash } from 'node:crypto';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Config } from '../registry/config/index.js';
import { rootKey } from '../storage/index.js';

/** A file name that is as good as any text. */
const NAME_CHARACTERS = 16;

/**
 * Where a registry keeps what is its own: the index, and the lock that keeps a second server away. For a bucket it is a
 * folder of the user's cache, since all in it can be made anew.
 * @returns `undefined` where there is no place for it.
 */
export function localFolder(
  { storage: { filesystem, s3 } }: Config,
  env: NodeJS.ProcessEnv,
): string | undefined {
  if (filesystem) return resolve(filesystem.rootdirectory);
  const cache = cacheFolder(env);
  if (!s3 || cache === undefined) return undefined;
  const root = rootKey(s3.rootdirectory ?? '') || undefined;
  const place = [s3.regionendpoint || s3.region, s3.bucket, root];
  const name = createHash('sha256').update(JSON.stringify(place)).digest('hex').slice(0, NAME_CHARACTERS);
  return join(cache, `s3-${name}`);
}

/** `CACHE_DIRECTORY` is what systemd sets for units that have one. */
function cacheFolder(env: NodeJS.ProcessEnv): string | undefined {
  const [ofUnit] = env.CACHE_DIRECTORY?.split(':') ?? [];
  if (ofUnit) return ofUnit;
  const base = env.XDG_CACHE_HOME || (env.HOME && join(homedir(), '.cache'));
  return base ? join(base, 'berth') : undefined;
}
