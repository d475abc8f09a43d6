import { pruneContainers } from '../runtime/container/index.js';
import { confirmed } from './confirmed.js';
import { chooseContainers } from './container-filters.js';
import { openContainerHost } from './container-host.js';
import type { StoreFlags } from './image-store.js';
import { humanSize } from './image-units.js';

export type PruneContainersFlags = StoreFlags & Readonly<{ force?: boolean; filter: readonly string[] }>;

/** `berth container prune`. */
export async function pruneEnded({ force = false, filter, ...flags }: PruneContainersFlags): Promise<void> {
  using opened = await openContainerHost(flags); // first: this may become another process, which would ask again
  const question = 'This removes all containers that do not run. Continue? [y/N] ';
  if (!force && !(await confirmed(question))) return;
  const { host } = opened;
  const { ids, reclaimedBytes } = await pruneContainers(host, chooseContainers(await host.list(), filter));
  const deleted = ids.length > 0 ? `Deleted Containers:\n${ids.join('\n')}\n\n` : '';
  process.stdout.write(`${deleted}Total reclaimed space: ${humanSize(reclaimedBytes)}\n`);
}
