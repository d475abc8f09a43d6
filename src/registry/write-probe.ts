import { hostname } from 'node:os';
import type { StorageDriver } from '../storage/index.js';

const PROBES = '/berth/health';

/**
 * Finds out whether the store can be written. Each process has a file of its own, for several may share a store.
 * @returns what throws when it cannot.
 */
export function writeProbe(driver: StorageDriver): () => Promise<void> {
  const host = hostname().replace(/[^A-Za-z0-9-]/g, '_') || 'host';
  const path = `${PROBES}/${host}-${process.pid}`;
  return async () => {
    const written = Buffer.from(new Date().toISOString());
    await driver.publish([{ path, bytes: written }]);
    try {
      const read = await driver.read(path);
      if (!read.equals(written)) throw new Error(`${path} holds something else than was written`);
    } finally {
      await driver.delete(path, { durable: false });
    }
  };
}

/** Removes files of processes that were killed between writing and deleting theirs. */
export async function removeProbes(driver: StorageDriver, olderThan: Date): Promise<void> {
  const probes: string[] = [];
  for await (const { name } of driver.list(PROBES)) probes.push(`${PROBES}/${name}`);
  await driver.deleteFiles(probes, { changedBefore: olderThan });
}
