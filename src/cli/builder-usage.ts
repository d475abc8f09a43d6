import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  CacheDatabase,
  type CacheRecord,
  CacheUsage,
  MountDirectories,
  type PruneOptions,
  removeLostIndexes,
} from '../builder/index.js';
import { LocalStore } from '../image/index.js';
import { chainIDs, type Digest } from '../oci/index.js';
import { overlayChoice } from './overlay-choice.js';

/** Removes what was chosen from the build cache, and unpacked layers that nothing needs. @returns ids of what went. */
export async function pruneBuildCache(
  root: string,
  options: PruneOptions,
): Promise<Readonly<{ ids: readonly string[]; reclaimedBytes: number }>> {
  using opened = openUsage(root);
  const { usage, store, mounts } = opened;
  const candidates = usage.choose(options);
  using unused = mounts.takeUnused(candidates.flatMap(({ directory }) => directory ?? []));
  const chosen = candidates.filter(
    ({ directory }) => directory === undefined || unused.names.includes(directory),
  );
  usage.remove(chosen);
  const directories = unused.names.map((name) => join(root, 'build-cache', 'mounts', name));
  await discard(root, directories, opened.neededChains());
  const { reclaimedBytes } = store.prune();
  removeLostIndexes(join(root, 'build-cache', 'indexes'), (digest) => store.sizeOf(digest) !== undefined);
  const ofMounts = sumOfSizes(chosen.filter(({ kind }) => kind === 'mount'));
  return { ids: chosen.map(({ id }) => id), reclaimedBytes: reclaimedBytes + ofMounts };
}

/** All that it holds. */
export function cacheRecords(root: string): CacheRecord[] {
  using opened = openUsage(root);
  return opened.usage.records();
}

export function sumOfSizes(records: readonly CacheRecord[]): number {
  return records.reduce((total, { sizeBytes }) => total + sizeBytes, 0);
}

/** Files that containers made belong to ids that only a container has, when root does not build. */
async function discard(
  root: string,
  directories: readonly string[],
  keptChains: readonly string[],
): Promise<void> {
  if (readdirSync(root).every((name) => name !== 'snapshots') && directories.length === 0) return;
  const { Containers } = await import('../runtime/index.js');
  await using containers = new Containers({ root, ...overlayChoice() });
  await containers.discard(directories);
  if (await containers.pruneSnapshots([...keptChains])) return;
  process.stderr.write('berth: a build is running: unpacked layers stay until the next prune\n');
}

/** What the build cache of a local store holds, opened to be looked at or changed. */
export function openUsage(root: string) {
  const store = LocalStore.open(root);
  const db = new CacheDatabase(join(root, 'build-cache', 'cache.sqlite'));
  const stacks = imageStacks(store);
  const shared = new Set<Digest>(stacks.flat());
  const usage = new CacheUsage(db, store, {
    isShared: (digest) => shared.has(digest),
    sizeOf: (directory) => sizeOfTree(join(root, 'build-cache', 'mounts', directory)),
  });
  const close = () => {
    db.close();
    store.close();
  };
  return {
    root,
    store,
    usage,
    mounts: new MountDirectories(db, join(root, 'build-cache', 'mounts')),
    neededChains: () => stacks.flatMap((stack) => chainIDs(stack)),
    [Symbol.dispose]: close,
  };
}

/** The layers of all images, of one platform each. */
function imageStacks(store: LocalStore): (readonly Digest[])[] {
  return store.images().flatMap(({ descriptor }) => {
    try {
      return [store.image(descriptor).config.rootfs.diff_ids];
    } catch {
      return []; // no image that can be run
    }
  });
}

/** What can be seen of it: not always all, for who is not root. */
function sizeOfTree(path: string): number {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat?.isDirectory() !== true) return stat?.size ?? 0;
  try {
    return readdirSync(path).reduce((total, name) => total + sizeOfTree(join(path, name)), 0);
  } catch {
    return 0;
  }
}
