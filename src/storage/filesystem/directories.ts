import { mkdir, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isAbsent, isPresent, rootIsGone } from './system-errors.js';

/**
 * Makes a directory and those above it. Durable only once their parents are synced. One step at a time: where nothing can
 * be made, as in /proc, Node's own recursive mkdir tries for ever.
 * @param root is not made itself: where it is gone, all that was in it is, and an empty one in its place would hide that.
 * @returns the topmost directory that was made, or `undefined` when all were there.
 * @throws {StorageUnavailableError} the root is gone.
 */
export async function makeDirectory(path: string, root?: string): Promise<string | undefined> {
  try {
    return await (path === root ? expectDirectory(path) : makeOne(path));
  } catch (error) {
    if (!isAbsent(error) || dirname(path) === path) throw error;
    if (path === root) throw rootIsGone(error);
    const first = await makeDirectory(dirname(path), root);
    const made = await makeOne(path);
    return first ?? made;
  }
}

async function expectDirectory(path: string): Promise<undefined> {
  await stat(`${path}/`);
}

/** @returns the path, or `undefined` when something was there. */
async function makeOne(path: string): Promise<string | undefined> {
  try {
    await mkdir(path);
    return path;
  } catch (error) {
    if (!isPresent(error)) throw error;
    return undefined;
  }
}

/** Makes what was named in a directory, or removed from it, survive a power cut. */
export async function syncDirectory(path: string): Promise<void> {
  await using directory = await open(path, 'r');
  await directory.sync();
}
