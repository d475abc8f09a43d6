import { findAge } from '../spelling/index.js';
import { parseSize, splitPair } from './build-flags.js';
import { openUsage, pruneBuildCache, sumOfSizes } from './builder-usage.js';
import { confirmed } from './confirmed.js';
import { UsageError } from './failure.js';
import { formatTable } from './format-table.js';
import { type StoreFlags, storeRoot } from './image-store.js';
import { ago, humanSize } from './image-units.js';
import { reclaimed } from './pruned.js';

export type BuilderPruneFlags = StoreFlags &
  Readonly<{ all?: boolean; force?: boolean; filter: readonly string[]; keepStorage?: string }>;

/** `berth builder du`. */
export async function showUsage(flags: StoreFlags & Readonly<{ json?: boolean }>): Promise<void> {
  using opened = openUsage(storeRoot(flags));
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
  const total = sumOfSizes(records);
  const free = sumOfSizes(records.filter(({ isShared }) => !isShared));
  process.stdout.write(formatTable([['ID', 'TYPE', 'SIZE', 'LAST USED', 'USES', 'STEP'], ...rows]));
  process.stdout.write(
    `\nTotal: ${humanSize(total)}   Reclaimable: ${humanSize(free)}   (* an image needs it too)\n`,
  );
}

/** `berth builder prune`. */
export async function pruneCache(flags: BuilderPruneFlags): Promise<void> {
  const question = 'This removes build cache that no image needs. Continue? [y/N] ';
  if (flags.force !== true && !(await confirmed(question))) return;
  const until = untilOf(flags.filter);
  const { ids, reclaimedBytes } = await pruneBuildCache(storeRoot(flags), {
    all: flags.all === true,
    ...(until !== undefined && { until }),
    ...(flags.keepStorage !== undefined && { keepBytes: parseSize(flags.keepStorage, '--keep-storage') }),
  });
  for (const id of ids) process.stdout.write(`${id}\n`);
  process.stdout.write(reclaimed(reclaimedBytes));
}

/** `until=24h`, `until=1h30m`, or a date. */
export function untilOf(filters: readonly string[]): number | undefined {
  const text = filters.map(splitPair).find(([name]) => name === 'until' || name === 'unused-for')?.[1];
  if (text === undefined) {
    if (filters.length > 0) throw new UsageError(`--filter ${filters[0]}: only until=<duration> is known`);
    return undefined;
  }
  const age = findAge(text);
  if (age !== undefined) return Date.now() - age;
  const time = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text);
  if (Number.isNaN(time))
    throw new UsageError(`--filter until=${text}: write a duration as in 24h, or a date`);
  return time;
}
