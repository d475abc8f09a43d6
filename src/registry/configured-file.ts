import { readFile } from 'node:fs/promises';
import { reasonOf } from './system-error.js';

/**
 * Reads a file that the configuration names.
 * @param key where it is named.
 * @throws {Error} naming both.
 */
export async function readConfigured(path: string, key: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new Error(`${key}: cannot read ${path}: ${reasonOf(error)}`, { cause: error });
  }
}
