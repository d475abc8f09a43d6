import { ImageNotFoundError } from '../content/index.js';
import {
  type LocalStore,
  pruneImages as pruneStored,
  type RemovedPart,
  removeImage,
} from '../image/index.js';
import { formatReference, parseReference } from '../oci/index.js';
import { imagesInUse } from '../runtime/container/index.js';
import { confirmed } from './confirmed.js';
import { UsageError } from './failure.js';
import { openLocalStore, type StoreFlags } from './image-store.js';
import { deleted, type Pruned, reclaimed } from './pruned.js';
import { parsedPlatform } from './transfer-choices.js';

export type RemoveFlags = StoreFlags &
  Readonly<{ force?: boolean; prune?: boolean; platform?: readonly string[] }>;

/** `berth tag`. */
export async function tag(source: string, targets: readonly string[], flags: StoreFlags): Promise<void> {
  using store = await openLocalStore(flags);
  const names = targets.map((target) => {
    const reference = parseReference(target);
    if ('tag' in reference.key) return formatReference(reference);
    throw new UsageError(`${target} is no name for an image: a tag is needed, not a digest`);
  });
  store.tagMany(store.get(source).descriptor, names);
}

/** `berth rmi`: takes names away, and images with their last name. Says what docker says. */
export async function removeImages(names: readonly string[], flags: RemoveFlags): Promise<void> {
  using store = await openLocalStore(flags);
  const failures: string[] = [];
  for (const name of names) {
    try {
      const { force = false, platform = [] } = flags;
      const users = imagesInUse(store.root);
      const parts = removeImage(store, name, { force, platforms: platform.map(parsedPlatform), users });
      process.stdout.write(parts.map((part) => `${removedLine(part, ['Untagged', 'Deleted'])}\n`).join(''));
    } catch (error) {
      if (flags.force !== true || !(error instanceof ImageNotFoundError))
        failures.push((error as Error).message);
    }
  }
  if (failures.length > 0) throw new Error(failures.join('; '));
}

export type PruneFlags = StoreFlags &
  Readonly<{ all?: boolean; force?: boolean; filter?: readonly string[] }>;

/** `berth image prune`: images without a name, or all; and content that nothing needs. */
export async function pruneImages(flags: PruneFlags): Promise<void> {
  const { all = false, force = false } = flags;
  const what = all ? 'all images' : 'all images without a name';
  if (!force && !(await confirmed(`This removes ${what}. Continue? [y/N] `))) return;
  using store = await openLocalStore(flags);
  const { text, reclaimedBytes } = imagesPruned(store, { all, filters: flags.filter ?? [] });
  process.stdout.write(`${text}${reclaimed(reclaimedBytes)}`);
}

/** Removes those without a name, or all; not those that containers are made of. */
export function imagesPruned(
  store: LocalStore,
  { all, filters }: Readonly<{ all: boolean; filters: readonly string[] }>,
): Pruned {
  const { parts, reclaimedBytes } = pruneStored(store, { all, filters, users: imagesInUse(store.root) });
  const lines = parts.map((part) => removedLine(part, ['untagged', 'deleted']));
  return { text: deleted('Images', lines), reclaimedBytes };
}

function removedLine(part: RemovedPart, [untagged, deleted]: readonly [string, string]): string {
  return 'untagged' in part ? `${untagged}: ${part.untagged}` : `${deleted}: ${part.deleted}`;
}
