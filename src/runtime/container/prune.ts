import { ContainerNotFoundError, ContainerStateError } from '../errors.js';
import type { ContainerHost } from './container-host.js';
import type { ContainerRecord } from './container-record.js';

/**
 * Removes those that do not run. One that somebody starts or removes meanwhile is left to them.
 * @returns ids of what is gone, and how many bytes they had changed.
 */
export async function pruneContainers(
  host: ContainerHost,
  chosen: readonly ContainerRecord[],
): Promise<Readonly<{ ids: readonly string[]; reclaimedBytes: number }>> {
  const ids: string[] = [];
  let reclaimedBytes = 0;
  for (const record of chosen.filter(({ state }) => ['created', 'exited', 'dead'].includes(state.status))) {
    const bytes = await host.changedBytes(record);
    try {
      await host.remove(record.id);
    } catch (error) {
      if (error instanceof ContainerStateError || error instanceof ContainerNotFoundError) continue;
      throw error;
    }
    ids.push(record.id);
    reclaimedBytes += bytes;
  }
  return { ids, reclaimedBytes };
}
