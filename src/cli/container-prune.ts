import { type ContainerHost, pruneContainers } from '../runtime/container/index.js';
import { confirmed } from './confirmed.js';
import { chooseContainers } from './container-filters.js';
import { openContainerHost } from './container-host.js';
import type { StoreFlags } from './image-store.js';
import { deleted, type Pruned, reclaimed } from './pruned.js';

export type PruneContainersFlags = StoreFlags & Readonly<{ force?: boolean; filter: readonly string[] }>;

/** `berth container prune`. */
export async function pruneEnded({ force = false, filter, ...flags }: PruneContainersFlags): Promise<void> {
  using opened = await openContainerHost(flags); // first: this may become another process, which would ask again
  const question = 'This removes all containers that do not run. Continue? [y/N] ';
  if (!force && !(await confirmed(question))) return;
  const { text, reclaimedBytes } = await endedPruned(opened.host, filter);
  process.stdout.write(`${text}${reclaimed(reclaimedBytes)}`);
}

/** Removes those that do not run. */
export async function endedPruned(host: ContainerHost, filter: readonly string[]): Promise<Pruned> {
  const { ids, reclaimedBytes } = await pruneContainers(host, chooseContainers(await host.list(), filter));
  return { text: deleted('Containers', ids), reclaimedBytes };
}
