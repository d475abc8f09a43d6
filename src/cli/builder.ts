import { parseSize, splitPair } from './build-flags.js';
import { openUsage, pruneBuildCache, sumOfSizes } from './builder-usage.js';
import { UsageError } from './failure.js';
import { formatTable } from './format-table.js';
import { type StoreFlags, storeRoot } from './image-store.js';
import { ago, humanSize } from './image-units.js';

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
  if (flags.force !== true && !(await isSure())) return;
  const until = untilOf(flags.filter);
  const { ids, reclaimedBytes } = await pruneBuildCache(storeRoot(flags), {
    all: flags.all === true,
    ...(until !== undefined && { until }),
    ...(flags.keepStorage !== undefined && { keepBytes: parseSize(flags.keepStorage, '--keep-storage') }),
  });
  for (const id of ids) process.stdout.write(`${id}\n`);
  process.stdout.write(`Total reclaimed space: ${humanSize(reclaimedBytes)}\n`);
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
