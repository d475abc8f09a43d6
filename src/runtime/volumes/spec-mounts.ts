import { mkdirSync, readFileSync, realpathSync, type Stats, statSync } from 'node:fs';
import { hasMountsBelow, placeOf } from '../own-mounts.js';
import { lstatIfAny, resolveInRoot } from '../root-path.js';
import type { SpecMount } from '../spec.js';
import type { BindPoint, MountPoint, TmpfsPoint } from './mount-point.js';
import type { PreparedVolumes } from './prepare-volumes.js';
import { tmpfsMountOptions } from './tmpfs-options.js';
import { InvalidMountError } from './volume-errors.js';
import type { Volumes } from './volumes.js';

/** What the OCI runtime is to mount. */
export type PlacedMounts = Readonly<{
  /** Parents first. */
  mounts: readonly SpecMount[];
  /** `linux.rootfsPropagation`, where a mount needs another one than usual. */
  rootfsPropagation: 'shared' | 'rslave' | undefined;
}>;

export type MountPlace = Readonly<{
  /** The container's root filesystem, mounted, in which nothing runs. */
  rootfs: string;
  prepared: Pick<PreparedVolumes, 'directoryOf'>;
}>;

/** Gives the new and empty volumes of a container what its image has there. @throws {InvalidMountError} */
export async function copyUp(
  points: readonly MountPoint[],
  { rootfs, volumes }: Readonly<{ rootfs: string; volumes: Volumes }>,
  options: { signal?: AbortSignal } = {},
): Promise<void> {
  for (const point of points) {
    if (point.type !== 'volume') continue;
    const path = resolveInRoot(rootfs, point.destination);
    const stats = lstatIfAny(path);
    if (stats && !stats.isDirectory() && point.subpath === '')
      throw new InvalidMountError(`cannot mount volume over existing file, file exists ${point.destination}`);
    if (stats && point.copiesUp && point.subpath === '') await volumes.fill(point.name, path, options);
  }
}

/**
 * The mounts of a container that is about to start, for config.json. Makes directories that are missing on this machine
 * where docker does. @throws {InvalidMountError} a source that is not there.
 */
export function specMounts(points: readonly MountPoint[], { rootfs, prepared }: MountPlace): PlacedMounts {
  const mounts = points.map((point) => {
    const destination = destinationOf(point, points, rootfs);
    return { destination, ...sourceOf(point, destination, { rootfs, prepared }) };
  });
  return {
    mounts: mounts.sort((a, b) => depth(a.destination) - depth(b.destination)),
    rootfsPropagation: rootfsPropagation(points),
  };
}

type Source = Omit<SpecMount, 'destination'>;

function sourceOf(point: MountPoint, destination: string, { rootfs, prepared }: MountPlace): Source {
  switch (point.type) {
    case 'bind':
      return bindSource(point, destination, rootfs);
    case 'volume':
      return {
        type: 'bind',
        source: prepared.directoryOf(point),
        options: ['rbind', 'rprivate', point.readOnly ? 'ro' : 'rw'],
      };
    case 'tmpfs':
      return tmpfsSource(point, destination, rootfs);
  }
}

function bindSource(point: BindPoint, destination: string, rootfs: string): Source {
  const { source, propagation, recursion, readOnly } = point;
  const stats = existingSource(point);
  const there = lstatIfAny(rootfs + destination);
  if (there && there.isDirectory() !== stats.isDirectory()) {
    const [is, on] = stats.isDirectory() ? ['directory', 'a file'] : ['file', 'a directory'];
    throw new InvalidMountError(
      `cannot mount the ${is} ${source} on ${destination}, which is ${on} in the image`,
    );
  }
  expectShared(source, propagation);
  const isInnerReadOnly = readOnly && recursion === 'all' && stats.isDirectory() && hasMountsBelow(source);
  const writing = readOnly ? ['ro', ...(isInnerReadOnly ? ['rro'] : [])] : ['rw'];
  return {
    type: 'bind',
    source,
    options: [recursion === 'none' ? 'bind' : 'rbind', propagation, ...writing],
  };
}

/** Before a container is made. @throws {InvalidMountError} what is to be mounted is not there, and is not to be made. */
export function expectSources(points: readonly MountPoint[]): void {
  for (const point of points) if (point.type === 'bind' && !point.makesSource) existingSource(point);
}

function existingSource({ source, makesSource }: BindPoint): Stats {
  const stats = statSync(source, { throwIfNoEntry: false });
  if (stats) return stats;
  if (!makesSource)
    throw new InvalidMountError(
      `invalid mount config for type "bind": bind source path does not exist: ${source}`,
    );
  mkdirSync(source, { recursive: true, mode: 0o755 });
  return statSync(source);
}

/** As docker: what is not shared on this machine cannot be with a container. */
function expectShared(source: string, propagation: string): void {
  if (!/shared|slave/.test(propagation)) return;
  const table = readFileSync('/proc/thread-self/mountinfo', 'utf8');
  const { place, fields } = placeOf(realpathSync(source), table);
  const [isShared, isSlave] = [fields.includes('shared:'), fields.includes('master:')];
  if (isShared || (isSlave && propagation.endsWith('slave'))) return;
  throw new InvalidMountError(
    `path ${source} is mounted on ${place} but it is not a ${propagation.endsWith('slave') ? 'shared or slave' : 'shared'} mount: ` +
      `mount --make-shared ${place} makes it one`,
  );
}

/** Without a mode of its own it has that of the directory below. */
function tmpfsSource({ options }: TmpfsPoint, destination: string, rootfs: string): Source {
  const words = tmpfsMountOptions(options);
  const stats = words.some((word) => word.startsWith('mode=')) ? undefined : lstatIfAny(rootfs + destination);
  const mode = stats?.isDirectory() ? [`mode=${(stats.mode & 0o7777).toString(8)}`] : [];
  return { type: 'tmpfs', source: 'tmpfs', options: [...words, ...mode] };
}

/** Where it lies in the root filesystem, links followed; below another mount only the runtime can tell. */
function destinationOf({ destination }: MountPoint, points: readonly MountPoint[], rootfs: string): string {
  const above = points
    .map((point) => point.destination)
    .filter((other) => destination.startsWith(`${other}/`))
    .sort((a, b) => a.length - b.length)[0];
  const resolved = resolveInRoot(rootfs, above ?? destination).slice(rootfs.length) || '/';
  return above === undefined ? resolved : resolved + destination.slice(above.length);
}

function rootfsPropagation(points: readonly MountPoint[]): PlacedMounts['rootfsPropagation'] {
  const all = points.map((point) => (point.type === 'bind' ? point.propagation : ''));
  if (all.some((propagation) => propagation.endsWith('shared'))) return 'shared';
  return all.some((propagation) => propagation.endsWith('slave')) ? 'rslave' : undefined;
}

function depth(path: string): number {
  return path.split('/').length;
}
