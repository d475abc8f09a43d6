import { join } from 'node:path';
import { RuntimeDatabase } from '../runtime/runtime-database.js';
import { inspectVolume, type Volume, type VolumeInspect, Volumes } from '../runtime/volumes/index.js';
import { confirmed } from './confirmed.js';
import { formatRows, labelOf, Template, unescaped } from './format-template.js';
import { type StoreFlags, storeRoot } from './image-store.js';
import { expectNone, failuresOf, filtersOf, pairsOf } from './named-things.js';
import { deleted, reclaimed } from './pruned.js';
import { enterUserNamespace } from './user-namespace.js';

export type CreateVolumeFlags = StoreFlags &
  Readonly<{ driver: string; opt: readonly string[]; label: readonly string[] }>;
export type ListVolumesFlags = StoreFlags &
  Readonly<{ quiet?: boolean; filter: readonly string[]; format?: string }>;
export type InspectVolumeFlags = StoreFlags & Readonly<{ format?: string }>;
export type RemoveVolumesFlags = StoreFlags & Readonly<{ force?: boolean }>;
export type PruneVolumesFlags = StoreFlags &
  Readonly<{ all?: boolean; force?: boolean; filter: readonly string[] }>;

const HEADERS = {
  Driver: 'DRIVER',
  Name: 'VOLUME NAME',
  Availability: 'AVAILABILITY',
  Group: 'GROUP',
  Labels: 'LABELS',
  Links: 'LINKS',
  Mountpoint: 'MOUNTPOINT',
  Scope: 'SCOPE',
  Size: 'SIZE',
  Status: 'STATUS',
} as const;
const NOT_HERE = 'N/A';

type OpenVolumes = Disposable & Readonly<{ volumes: Volumes }>;

/** `berth volume create`: prints the name. */
export async function createVolume(name: string | undefined, flags: CreateVolumeFlags): Promise<void> {
  using opened = openVolumes(flags);
  const made = opened.volumes.create({
    Name: name ?? '',
    Driver: flags.driver,
    DriverOpts: pairsOf(flags.opt),
    Labels: pairsOf(flags.label),
  });
  process.stdout.write(`${made.name}\n`);
}

/** `berth volume ls`: docker's columns and fields. */
export async function listVolumes({ quiet = false, format, ...flags }: ListVolumesFlags): Promise<void> {
  using opened = openVolumes(flags);
  const rows = opened.volumes
    .list(filtersOf(flags.filter))
    .map((volume) => ({ ...rowOf(volume), Label: labelOf(volume.labels) }));
  if (quiet && format === undefined) {
    process.stdout.write(rows.map(({ Name }) => `${Name}\n`).join(''));
    return;
  }
  const isPlain = format === undefined || format === 'table';
  process.stdout.write(formatRows(rows, isPlain ? 'table {{.Driver}}\t{{.Name}}' : format, HEADERS));
}

/** `berth volume inspect`: docker's JSON. What is not there is told of at the end. */
export async function inspectVolumes(names: readonly string[], flags: InspectVolumeFlags): Promise<void> {
  using opened = openVolumes(flags);
  const found: VolumeInspect[] = [];
  const failures = await failuresOf(names, (name) => {
    found.push(inspectVolume(opened.volumes.get(name)));
  });
  process.stdout.write(formatted(found, flags.format));
  expectNone(failures);
}

/** `berth volume rm`: prints the names of those that are gone. */
export async function removeVolumes(names: readonly string[], flags: RemoveVolumesFlags): Promise<void> {
  await enterUserNamespace(flags); // what containers have written may be of other ids
  using opened = openVolumes(flags);
  const { force = false } = flags;
  const failures = await failuresOf(names, async (name) => {
    await opened.volumes.remove(name, { force });
    process.stdout.write(`${name}\n`);
  });
  expectNone(failures);
}

/** `berth volume prune`. */
export async function pruneVolumes({
  all = false,
  force = false,
  ...flags
}: PruneVolumesFlags): Promise<void> {
  await enterUserNamespace(flags);
  const filters = { ...filtersOf(flags.filter), ...(all && { all: ['true'] }) };
  const what = all ? 'all volumes that no container has' : 'all anonymous volumes that no container has';
  if (!force && !(await confirmed(`This removes ${what}. Continue? [y/N] `))) return;
  using opened = openVolumes(flags);
  const { removed, reclaimedBytes } = await opened.volumes.prune(filters);
  process.stdout.write(`${deleted('Volumes', removed)}${reclaimed(reclaimedBytes)}`);
}

function openVolumes(flags: StoreFlags): OpenVolumes {
  const root = storeRoot(flags);
  const db = new RuntimeDatabase(root);
  return {
    volumes: new Volumes(db, { directory: join(root, 'volumes') }),
    [Symbol.dispose]: () => db.close(),
  };
}

function rowOf({ name, labels, mountpoint }: Volume): Readonly<Record<keyof typeof HEADERS, string>> {
  return {
    Availability: NOT_HERE,
    Driver: 'local',
    Group: NOT_HERE,
    Labels: Object.entries(labels)
      .map(([key, value]) => `${key}=${value}`)
      .sort()
      .join(','),
    Links: NOT_HERE,
    Mountpoint: mountpoint,
    Name: name,
    Scope: 'local',
    Size: NOT_HERE,
    Status: NOT_HERE,
  };
}

function formatted(volumes: readonly VolumeInspect[], format: string | undefined): string {
  if (format === undefined) return `${JSON.stringify(volumes, null, 4)}\n`;
  if (format === 'json') return `${JSON.stringify(volumes)}\n`;
  const template = new Template(unescaped(format));
  return volumes.map((volume) => `${template.render(volume)}\n`).join('');
}
