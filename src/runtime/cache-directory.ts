import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, existsSync, mkdirSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';
import type { MountOwner } from '../layer/index.js';
import { runProgram } from './programs.js';
import { removeTree } from './work-folder.js';

/**
 * Makes a directory for a cache mount where there is none: complete, or not at all.
 * @param seed finds the directory that it begins as a copy of; called only when one is made.
 */
export async function ensureCacheDirectory(
  directory: string,
  { uid, gid, mode }: MountOwner,
  seed?: () => Promise<string>,
): Promise<void> {
  if (existsSync(directory)) return;
  mkdirSync(dirname(directory), { recursive: true, mode: 0o700 });
  const made = `${directory}.${randomBytes(4).toString('hex')}.partial`;
  mkdirSync(made, { mode: 0o700 });
  try {
    if (seed) await runProgram(['cp', '-a', '--reflink=auto', '--', `${await seed()}/.`, made]);
    chownSync(made, uid, gid);
    chmodSync(made, mode);
    renameSync(made, directory);
  } catch (error) {
    removeTree(made);
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error; // else somebody else was faster
  }
}
