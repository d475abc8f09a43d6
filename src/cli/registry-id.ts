import { randomUUID } from 'node:crypto';
import { PathNotFoundError, type StorageDriver } from '../storage/index.js';

/** Where the reference registry never looks. */
const ID = '/berth/registry-id';

/**
 * What tells this registry from all others, whatever path or URL leads to it. It is kept with the files, and made by who asks
 * first: the caller sees to it that only one asks at a time.
 */
export async function registryId(driver: StorageDriver): Promise<string> {
  try {
    return (await driver.read(ID)).toString();
  } catch (error) {
    if (!(error instanceof PathNotFoundError)) throw error;
  }
  const id = randomUUID();
  await driver.publish([{ path: ID, bytes: Buffer.from(id) }]);
  return id;
}
