import { existsSync } from 'node:fs';
import { RuntimeError } from '../errors.js';
import { FilesProcess, type MountedPlace } from '../files/index.js';
import { openMachine } from '../machine.js';
import { prepareOverlay } from '../overlay.js';
import { copyUp, type MountPoint, type VolumePoint } from '../volumes/index.js';
import type { ContainerFolder } from './container-folder.js';
import { type ContainerRecord, isAlive } from './container-record.js';
import type { HostParts } from './host-parts.js';
import { idsOfProcess } from './own-ids.js';
import { shownFile, shownVolume } from './shown-root.js';

type ViewOptions = Readonly<{
  /** What lies on its root filesystem too: volumes, directories of the machine, the files of its network. */
  withMounts: boolean;
  signal?: AbortSignal | undefined;
}>;

/** The root filesystem of a container, until it is disposed of. */
export type ContainerView = AsyncDisposable & Readonly<{ files: FilesProcess }>;

/**
 * Looks into a container, under its lock. While it runs its overlay is the one that its monitor has mounted, since two mounts
 * of the same directories would disagree; else there is one as long as the view.
 * @throws {RuntimeError}
 */
export async function openView(
  record: ContainerRecord,
  parts: HostParts,
  options: ViewOptions,
): Promise<ContainerView> {
  await using opened = new AsyncDisposableStack();
  const view = isAlive(record)
    ? await viewOfRunning(record, parts, options)
    : await viewOfStopped(record, parts, options, opened);
  const files = opened.use(view);
  await files.mountAll();
  const all = opened.move();
  return { files, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

async function viewOfRunning(
  record: ContainerRecord,
  parts: HostParts,
  { withMounts, signal }: ViewOptions,
): Promise<FilesProcess> {
  const monitor = parts.folder(record.id).monitorPid();
  if (monitor === undefined) throw new RuntimeError(`the monitor of container ${record.id} is not known`);
  const folder = parts.folder(record.id);
  const places: Places =
    record.idsOf === undefined
      ? {
          file: (name) => folder.file(name),
          volume: async ({ name, subpath }) => ({ source: parts.volumes.get(name).mountpoint, subpath }),
        }
      : {
          file: (name) => shownFile(folder, name),
          volume: async (point) => ({ source: shownVolume(folder, record, point) }),
        };
  const mounts = withMounts ? await mountsOf(record, folder, places) : [];
  const ids = record.idsOf === undefined ? {} : { ids: idsOfProcess(record.state.pid) };
  return FilesProcess.start(
    { ...placeOf(record, parts, mounts), ...ids },
    {
      namespace: `/proc/${monitor}/ns/mnt`,
      signal,
    },
  );
}

async function viewOfStopped(
  record: ContainerRecord,
  parts: HostParts,
  { withMounts, signal }: ViewOptions,
  opened: AsyncDisposableStack,
): Promise<FilesProcess> {
  const machine = opened.use(await openMachine(parts.machineOptions));
  const { stack } = parts.images.open(record.image.manifest);
  const lowers = await machine.snapshots.ensure(stack, signal && { signal });
  const folder = parts.folder(record.id);
  folder.make();
  const { mount: overlay } = prepareOverlay({ lowers, directory: folder.path, kind: machine.overlay });
  opened.defer(() => parts.volumes.unmount(record.id));
  const mounts = withMounts
    ? await mountsOf(record, folder, {
        file: (name) => folder.file(name),
        volume: async ({ name, subpath }) => ({
          source: await parts.volumes.mount(record.id, name),
          subpath,
        }),
      })
    : [];
  const files = await FilesProcess.start({ ...placeOf(record, parts, mounts), overlay }, { signal });
  // A volume that is still empty is seen as it will be.
  if (withMounts)
    await copyUp(record.mounts, { rootfs: files.root, volumes: parts.volumes }, signal && { signal });
  return files;
}

function placeOf({ id, hostConfig }: ContainerRecord, parts: HostParts, mounts: readonly MountedPlace[]) {
  const isReadOnly = hostConfig.ReadonlyRootfs === true;
  return { kind: 'merged', directory: parts.folder(id).path, mounts, isReadOnly } as const;
}

type NetworkFile = 'hosts' | 'hostname' | 'resolv.conf';

/** Where things are that lie on the root filesystem, for who looks. */
type Places = Readonly<{
  file: (name: NetworkFile) => string;
  volume: (point: VolumePoint) => Promise<Pick<MountedPlace, 'source' | 'subpath'>>;
}>;

async function mountsOf(
  { mounts }: ContainerRecord,
  folder: ContainerFolder,
  places: Places,
): Promise<MountedPlace[]> {
  const files = (['hosts', 'hostname', 'resolv.conf'] as const).flatMap((name) =>
    existsSync(folder.file(name))
      ? [{ source: places.file(name), destination: `/etc/${name}`, readOnly: false }]
      : [],
  );
  const own = await Promise.all(mounts.map((point) => mountOf(point, places)));
  return [...files, ...own.flat().sort((a, b) => depth(a.destination) - depth(b.destination))];
}

/** What is in memory is only there while it runs, and for itself. */
async function mountOf(point: MountPoint, places: Places): Promise<MountedPlace[]> {
  if (point.type === 'tmpfs') return [];
  const { destination, readOnly } = point;
  if (point.type === 'bind') return [{ source: point.source, destination, readOnly }];
  return [{ ...(await places.volume(point)), destination, readOnly }];
}

function depth(path: string): number {
  return path.split('/').length;
}
