import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  CacheDatabase,
  type CacheRecord,
  CacheUsage,
  MountDirectories,
  removeLostIndexes,
} from '../builder/index.js';
import { LocalStore } from '../image/index.js';
import { chainIDs, type Digest } from '../oci/index.js';
import { parseSize, splitPair } from './build-flags.js';
import { UsageError } from './failure.js';
import { formatTable } from './format-table.js';
import { type StoreFlags, storeRoot } from './image-store.js';
import { ago, humanSize } from './image-units.js';

export type BuilderPruneFlags = StoreFlags &
  Readonly<{ all?: boolean; force?: boolean; filter: readonly string[]; keepStorage?: string }>;

/** `berth builder du`. */
export async function showUsage(flags: StoreFlags & Readonly<{ json?: boolean }>): Promise<void> {
  using opened = openUsage(flags);
  const records = opened.usage.records();
  if (flags.json === true) {
    process.stdout.write(`${JSON.stringify(records, null, 2)}\n`);
    return;
  }
  const now = Date.now();
  const rows = records.map(({ id, kind, sizeBytes, usedAt, uses, isShared, description }) => [
    id.replace(/^sha256:/, '').slice(0, 12),
    kind,
    `${humanSize(sizeBytes)}${isShared ? '*' : ''}`,
    ago(new Date(usedAt).toISOString(), now),
    String(uses),
    description.length > 60 ? `${description.slice(0, 59)}…` : description,
  ]);
  const total = sum(records);
  const free = sum(records.filter(({ isShared }) => !isShared));
  process.stdout.write(formatTable([['ID', 'TYPE', 'SIZE', 'LAST USED', 'USES', 'STEP'], ...rows]));
  process.stdout.write(
    `\nTotal: ${humanSize(total)}   Reclaimable: ${humanSize(free)}   (* an image needs it too)\n`,
  );
}

/** `berth builder prune`. */
export async function pruneCache(flags: BuilderPruneFlags): Promise<void> {
  if (flags.force !== true && !(await isSure())) return;
  using opened = openUsage(flags);
  const { usage, store, root, mounts } = opened;
  const until = untilOf(flags.filter);
  const candidates = usage.choose({
    all: flags.all === true,
    ...(until !== undefined && { until }),
    ...(flags.keepStorage !== undefined && { keepBytes: parseSize(flags.keepStorage, '--keep-storage') }),
  });
  using unused = mounts.takeUnused(candidates.flatMap(({ directory }) => directory ?? []));
  const chosen = candidates.filter(
    ({ directory }) => directory === undefined || unused.names.includes(directory),
  );
  usage.remove(chosen);
  const directories = unused.names.map((name) => join(root, 'build-cache', 'mounts', name));
  await discard(root, directories, opened.neededChains());
  const { reclaimedBytes } = store.prune();
  removeLostIndexes(join(root, 'build-cache', 'indexes'), (digest) => store.sizeOf(digest) !== undefined);
  const freed = reclaimedBytes + sum(chosen.filter(({ kind }) => kind === 'mount'));
  for (const { id } of chosen) process.stdout.write(`${id}\n`);
  process.stdout.write(`Total reclaimed space: ${humanSize(freed)}\n`);
}

function sum(records: readonly CacheRecord[]): number {
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
  await using containers = new Containers({ root });
  await containers.discard(directories);
  if (await containers.pruneSnapshots([...keptChains])) return;
  process.stderr.write('berth: a build is running: unpacked layers stay until the next prune\n');
}

function openUsage(flags: StoreFlags) {
  const root = storeRoot(flags);
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

const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `until=24h`, `until=1h30m`, or a date. */
function untilOf(filters: readonly string[]): number | undefined {
  const text = filters.map(splitPair).find(([name]) => name === 'until' || name === 'unused-for')?.[1];
  if (text === undefined) {
    if (filters.length > 0) throw new UsageError(`--filter ${filters[0]}: only until=<duration> is known`);
    return undefined;
  }
  const parts = text.match(/\d+(?:\.\d+)?[smhd]/g) ?? [];
  if (parts.length > 0 && parts.join('') === text) {
    const age = parts.reduce(
      (total, part) => total + Number(part.slice(0, -1)) * (UNIT_MS[part.slice(-1)] ?? 0),
      0,
    );
    return Date.now() - age;
  }
  const time = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text);
  if (Number.isNaN(time))
    throw new UsageError(`--filter until=${text}: write a duration as in 24h, or a date`);
  return time;
}

async function isSure(): Promise<boolean> {
  if (!process.stdin.isTTY)
    throw new UsageError('builder prune asks first: run it with --force where nobody can answer');
  const { createInterface } = await import('node:readline/promises');
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await reader.question('This removes build cache that no image needs. Continue? [y/N] ');
  reader.close();
  return /^y(es)?$/i.test(answer.trim());
}
