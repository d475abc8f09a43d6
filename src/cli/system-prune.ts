import { untilOf } from './builder.js';
import { pruneBuildCache } from './builder-usage.js';
import { confirmed } from './confirmed.js';
import { openContainerHost } from './container-host.js';
import { endedPruned } from './container-prune.js';
import { UsageError } from './failure.js';
import { imagesPruned } from './image-remove.js';
import { type StoreFlags, storeRoot } from './image-store.js';
import { filtersOf } from './named-things.js';
import { deleted, type Pruned, reclaimed } from './pruned.js';

export type SystemPruneFlags = StoreFlags &
  Readonly<{ all?: boolean; volumes?: boolean; force?: boolean; filter: readonly string[] }>;

/** `berth system prune`: in docker's order, so that what only a removed container needed goes too. */
export async function pruneSystem({ force = false, ...flags }: SystemPruneFlags): Promise<void> {
  const { all = false, volumes = false, filter } = flags;
  if (volumes && filter.some((text) => text.startsWith('until=')))
    throw new UsageError('the filter until is not possible with --volumes: volumes have no age');
  const other = filter.find((text) => !/^(label!?|until)=/.test(text));
  if (other !== undefined)
    throw new UsageError(
      `the filter ${other} is not possible: everything here knows label, label! and until`,
    );
  const until = untilOf(filter.filter((text) => text.startsWith('until='))); // of the build cache, which has no labels
  using opened = await openContainerHost(flags); // first: this may become another process, which would ask again
  if (!force && !(await confirmed(`${question(flags)} Continue? [y/N] `))) return;
  const { host, store } = opened;
  let reclaimedBytes = 0;
  const tell = (pruned: Pruned) => {
    process.stdout.write(pruned.text);
    reclaimedBytes += pruned.reclaimedBytes;
  };
  tell(await endedPruned(host, filter));
  tell({ text: deleted('Networks', host.networks.prune(filtersOf(filter))), reclaimedBytes: 0 });
  if (volumes) {
    const pruned = await host.volumes.prune(filtersOf(filter));
    tell({ text: deleted('Volumes', pruned.removed), reclaimedBytes: pruned.reclaimedBytes });
  }
  tell(imagesPruned(store, { all, filters: filter }));
  const cache = await pruneBuildCache(storeRoot(flags), { all, ...(until !== undefined && { until }) });
  tell({ text: deleted('build cache objects', cache.ids), reclaimedBytes: cache.reclaimedBytes });
  process.stdout.write(reclaimed(reclaimedBytes));
}

function question({ all, volumes }: Omit<SystemPruneFlags, 'force'>): string {
  const parts = [
    'all containers that do not run',
    'all networks that no container is in',
    ...(volumes ? ['all anonymous volumes that no container has'] : []),
    all ? 'all images that no container needs' : 'all images without a name',
    all ? 'all build cache' : 'build cache that no image needs',
  ];
  return `This removes ${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}.`;
}
