import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isAbsent } from './system-errors.js';

/**
 * Makes a directory and those above it. Durable only once their parents are synced.
 * @returns the topmost directory that was made, or `undefined` when all were there.
 */
export async function makeDirectory(path: string): Promise<string | undefined> {
  try {
    return await mkdir(path, { recursive: true });
  } catch (error) {
    if (!isAbsent(error)) throw error;
    // So Node says of a read-only file system, too: one step at a time tells the reason.
    const first = await makeDirectory(dirname(path));
    await mkdir(path);
    return first ?? path;
  }
}

/** Makes what was named in a directory, or removed from it, survive a power cut. */
export async function syncDirectory(path: string): Promise<void> {
  await using directory = await open(path, 'r');
  await directory.sync();
}
