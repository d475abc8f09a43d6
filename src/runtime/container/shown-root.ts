import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { InvalidContainerError } from '../errors.js';
import { shownOverlayOptions, VOLATILE_MARK } from '../overlay.js';
import { requiredPerl } from '../programs.js';
import { isOfMachine, type PreparedVolumes, type VolumePoint, type Volumes } from '../volumes/index.js';
import { type ContainerFolder, REACHABLE_ROOT } from './container-folder.js';
import type { ContainerRecord } from './container-record.js';
import type { OwnIDs } from './own-ids.js';

/** In the container's folder, where the monitor has what is shown with other ids: the folder itself, layers, volumes. */
const OWN = 'own';
const LAYERS = 'layers';
const VOLUMES = 'volumes';

/**
 * In the mounts of the monitor, once the container's files are as they are to be: takes the root filesystem away that has the
 * machine's ids, shows trees with others, puts the root filesystem together of those, and becomes the monitor. mount(8) knows
 * how to show a tree with other ids since util-linux 2.39; Perl is on every Debian. The numbers are those of open_tree(2),
 * mount_setattr(2) and move_mount(2), the same on all machines that Node runs on, and of their flags.
 */
const SHOW = String.raw`
use strict; use warnings;
my ($users, $options, $place) = splice(@ARGV, 0, 3);
sub must { system(@_) == 0 or exit 1 }
must('umount', 'root');
must('rm', '-rf', '${VOLATILE_MARK}');
open(my $ids, '<', $users) or die "$users: $!\n";
my ($none, $attributes) = ('', pack('Q4', 0x100000, 0, 0, fileno $ids));
while ((my $from = shift @ARGV) ne '--') {
  my $to = shift @ARGV;
  my $tree = syscall(428, -100, $from, 0x88001);
  $tree >= 0 && syscall(442, $tree, $none, 0x9000, $attributes, length $attributes) == 0
    && syscall(429, $tree, $none, -100, $to, 4) == 0
    or die "cannot show $from with other ids: $!. Its file system has to be one that can, such as ext4, xfs or btrfs\n";
}
must('mount', '-t', 'overlay', '-o', $options, 'overlay', 'root');
must('mount', '--bind', 'root', $place);
exec { $ARGV[0] } @ARGV or die "$ARGV[0]: $!\n";
`;

/** Of a container with ids of its own: where the monitor sees it. */
export const shownFile = (folder: ContainerFolder, name: 'hosts' | 'hostname' | 'resolv.conf'): string =>
  join(folder.path, OWN, name);

/** As {@link shownFile}. */
export function shownVolume(
  folder: ContainerFolder,
  { mounts }: ContainerRecord,
  point: VolumePoint,
): string {
  const at = mounts.findIndex(({ destination }) => destination === point.destination);
  return join(folder.path, VOLUMES, String(at));
}

export type ShownRootOptions = Readonly<{
  folder: ContainerFolder;
  ids: Pick<OwnIDs, 'mountNamespace'>;
  /** Directories of layers, all in one directory, the lowest first. */
  lowers: readonly string[];
  prepared: PreparedVolumes;
}>;

/**
 * Files on disk have the ids of the image, whoever uses them; a container with ids of its own has to see them as its own.
 * @returns a command, to be put before that of the monitor and run in its mounts and the folder, where the root filesystem is
 * mounted as any other. @throws {RuntimeUnavailableError}
 */
export function showRoot(record: ContainerRecord, options: ShownRootOptions): string[] {
  const { folder, ids, lowers, prepared } = options;
  const perl = requiredPerl('containers with ids of their own');
  mkdirSync(REACHABLE_ROOT, { recursive: true, mode: 0o755 });
  const target = (...names: readonly string[]) => {
    const path = join(folder.path, ...names);
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return path;
  };
  const trees: [from: string, to: string][] = [[folder.path, target(OWN)]];
  const layers = layersDirectory(lowers);
  if (layers !== undefined) trees.push([layers, target(LAYERS)]);
  for (const point of record.mounts) {
    if (point.type !== 'volume') continue;
    const [from, to] = [prepared.directoryOf(point), shownVolume(folder, record, point)];
    target(VOLUMES);
    if (statSync(from).isDirectory()) mkdirSync(to, { recursive: true });
    else writeFileSync(to, '');
    trees.push([from, to]);
  }
  const shown = lowers.map((lower) => join(LAYERS, relative(layers ?? '/', lower)));
  const overlay = shownOverlayOptions(shown, folder.path, OWN);
  return [perl, '-e', SHOW, ids.mountNamespace, overlay, REACHABLE_ROOT, ...trees.flat(), '--'];
}

/**
 * What is shown with other ids belongs to the container's root, so nothing of the machine may be.
 * @throws {InvalidContainerError} a volume is a directory of the machine.
 */
export function expectOwnVolumes({ mounts }: ContainerRecord, volumes: Pick<Volumes, 'get'>): void {
  for (const point of mounts) {
    if (point.type !== 'volume' || !isOfMachine(volumes.get(point.name))) continue;
    throw new InvalidContainerError(
      `the volume ${point.name} is a directory of this machine, which is not for a container with ids of its own: ` +
        'mount the directory itself, with -v, or use --userns host',
    );
  }
}

/** The volumes of a container with ids of its own, where its monitor sees them. */
export function shownVolumes(
  folder: ContainerFolder,
  record: ContainerRecord,
): Pick<PreparedVolumes, 'directoryOf'> {
  return { directoryOf: (point) => shownVolume(folder, record, point) };
}

/** `snapshots/` of snapshots/<chainID>/fs. */
function layersDirectory([lower]: readonly string[]): string | undefined {
  return lower === undefined ? undefined : dirname(dirname(lower));
}
