import { type DiskUsageJson, diskUsageJson } from '../engine/index.js';
import { isActive } from '../runtime/container/index.js';
import { openContainerHost } from './container-host.js';
import { diskUsageSections } from './disk-usage-sections.js';
import { engineParts } from './engine-parts.js';
import { formatRows, Template, unescaped } from './format-template.js';
import type { StoreFlags } from './image-store.js';
import { humanSize } from './image-units.js';

export type DiskUsageFlags = StoreFlags & Readonly<{ verbose?: boolean; format?: string }>;

const HEADERS = {
  Type: 'TYPE',
  TotalCount: 'TOTAL',
  Active: 'ACTIVE',
  Size: 'SIZE',
  Reclaimable: 'RECLAIMABLE',
} as const;
const TABLE = 'table {{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}';

/** `berth system df`: what docker's tells of a daemon. */
export async function showDiskUsage({ verbose = false, format, ...flags }: DiskUsageFlags): Promise<void> {
  using opened = await openContainerHost(flags);
  const usage = await diskUsageJson(engineParts(opened.host, flags), {});
  if (!verbose) {
    const isPlain = format === undefined || format === 'table';
    process.stdout.write(formatRows(rowsOf(usage), isPlain ? TABLE : format, HEADERS));
    return;
  }
  const { text, rows } = diskUsageSections(usage);
  if (format === undefined) process.stdout.write(text);
  else if (format === 'json') process.stdout.write(`${JSON.stringify(rows)}\n`);
  else process.stdout.write(`${new Template(unescaped(format)).render(rows)}\n`);
}

function rowsOf({ LayersSize, Images, Containers, Volumes, BuildCache }: DiskUsageJson) {
  const [images, containers, volumes, records] = [
    Images ?? [],
    Containers ?? [],
    Volumes ?? [],
    BuildCache ?? [],
  ];
  const used = images.filter((image) => image.Containers > 0);
  const own = sum(used.map(({ Size, SharedSize }) => Size - SharedSize));
  return [
    row('Images', images.length, used.length, LayersSize, percented(LayersSize - own, LayersSize)),
    partRow(
      'Containers',
      containers.map((one) => ({ isActive: isActive(one.State), bytes: one.SizeRw })),
    ),
    partRow(
      'Local Volumes',
      volumes.map(({ UsageData: { RefCount, Size } }) => ({ isActive: RefCount > 0, bytes: Size })),
    ),
    buildCacheRow(records),
  ];
}

type Part = Readonly<{ isActive: boolean; bytes: number }>;

function partRow(type: string, parts: readonly Part[]) {
  const total = sum(parts.map(({ bytes }) => bytes));
  const free = sum(parts.filter(({ isActive }) => !isActive).map(({ bytes }) => bytes));
  return row(
    type,
    parts.length,
    parts.filter(({ isActive }) => isActive).length,
    total,
    percented(free, total),
  );
}

function buildCacheRow(records: NonNullable<DiskUsageJson['BuildCache']>) {
  const own = sum(records.filter(({ Shared }) => !Shared).map(({ Size }) => Size));
  const used = records.filter(({ InUse }) => InUse);
  return row(
    'Build Cache',
    records.length,
    used.length,
    own,
    humanSize(own - sum(used.map(({ Size }) => Size))),
  );
}

function row(Type: string, total: number, active: number, bytes: number, Reclaimable: string) {
  return { Type, TotalCount: String(total), Active: String(active), Size: humanSize(bytes), Reclaimable };
}

/** `1.2GB (40%)`. */
function percented(free: number, total: number): string {
  return total > 0 ? `${humanSize(free)} (${Math.trunc((free * 100) / total)}%)` : humanSize(free);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
