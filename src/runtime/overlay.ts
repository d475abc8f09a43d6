import { chmodSync, chownSync, existsSync, lstatSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { OverlayMarks } from '../layer/index.js';
import { lutimes, MOUNT_FLAGS, mount } from '../linux/index.js';
import { RuntimeUnavailableError } from './errors.js';
import { FUSE_TYPE, FuseOverlay } from './fuse-overlay.js';
import { isKernelAtLeast } from './kernel-version.js';
import type { Surroundings } from './spec.js';

/**
 * What joins layers: the kernel, for root of the machine or of a user namespace, or fuse-overlayfs in such a namespace. Each has
 * marks of its own in directories.
 */
export type OverlayKind = 'machine' | 'user' | 'fuse';

/** In a user namespace only attributes of users can be written; fuse-overlayfs makes files too. */
export function marksOf(kind: OverlayKind) {
  return { userxattr: kind !== 'machine', whiteoutFiles: kind === 'fuse' } satisfies OverlayMarks;
}

/** Linux 5.11 lets root of a user namespace mount the kernel's. */
export function usableOverlay(ids: Surroundings['ids'], kernel?: string): OverlayKind {
  if (ids === 'machine') return 'machine';
  return isKernelAtLeast('5.11', kernel) ? 'user' : 'fuse';
}

export type OverlayOptions = Readonly<{
  /** Directories of layers, the lowest first. */
  lowers: readonly string[];
  /** An empty directory, on a file system that can be written; what the overlay needs is made in it. */
  directory: string;
  kind: OverlayKind;
  /** Nodes of devices in it cannot be opened. */
  noDevices: boolean;
}>;

/** A mounted overlay: `root` is the merged tree, `upper` has what was changed. */
export type Overlay = Readonly<{ root: string; upper: string }>;
/** `options` for mount(8), or of fuse-overlayfs, with names that are relative to the overlay's directory. */
export type OverlayMount = Readonly<{ kind: OverlayKind; options: string }>;

/** So that the upper directory alone tells what was changed. */
const PLAIN: Readonly<Record<OverlayKind, readonly string[]>> = {
  machine: ['index=off', 'redirect_dir=off', 'metacopy=off'],
  user: ['index=off', 'userxattr'], // has the other two off, and takes no word on it
  fuse: [], // has none of them
};
/** What the kernel makes in an overlay's directory `w` while it is mounted with `volatile`. */
export const VOLATILE_MARK = ['w', 'work', 'incompat'].join('/');
/** The kernel's OVL_MAX_STACK. */
const MAX_LOWERS = 500;

/** Mounts a tree of layers, to be written to. Main thread, within {@link OwnMounts}. @throws {RuntimeUnavailableError} */
export function mountOverlay({ lowers, directory, kind, noDevices }: OverlayOptions): Overlay {
  const { root, upper, mount: prepared } = prepareOverlay({ lowers, directory, kind });
  // Relative names hold nothing that is special in options, such as commas and colons.
  const before = currentDirectory();
  process.chdir(directory);
  try {
    const flags = noDevices ? MOUNT_FLAGS.noDevices : 0;
    if (kind === 'fuse') mountHere(root, prepared, flags);
    else mountQuickly(root, prepared.options, flags);
  } finally {
    process.chdir(before);
  }
  return { root, upper };
}

/** Mounts what was prepared, for as long as this thread lives at most; its directory is the current one. */
export function mountHere(root: string, { kind, options }: OverlayMount, flags = 0): void {
  if (kind !== 'fuse') {
    mount('overlay', root, 'overlay', flags, options);
    return;
  }
  using fuse = FuseOverlay.open();
  mount('fuse-overlayfs', root, FUSE_TYPE, flags, fuse.mountOptions());
  fuse.serve(process.cwd(), options, 'with-thread');
}

/**
 * Makes what an overlay needs in its directory, or finds it there with what was changed before; for one that is not mounted.
 * @throws {RuntimeUnavailableError} too many layers.
 */
export function prepareOverlay({
  lowers,
  directory,
  kind,
}: Omit<OverlayOptions, 'noDevices'>): Overlay & Readonly<{ mount: OverlayMount }> {
  if (lowers.length > MAX_LOWERS) {
    throw new RuntimeUnavailableError(
      `cannot mount ${lowers.length} layers: Linux joins ${MAX_LOWERS} at most; join some, with --squash`,
    );
  }
  const [root, upper] = [join(directory, 'root'), join(directory, 'u')];
  const isNew = !existsSync(upper);
  for (const path of [root, upper, join(directory, 'w')]) makeDirectory(path);
  // Left by a mount that was volatile: the kernel asks whether what may have been lost with the machine is missed.
  rmSync(join(directory, VOLATILE_MARK), { recursive: true, force: true });
  const names = shortNames(lowers, directory);
  if (isNew) copyAttributes(lowers.at(-1), upper);
  const options = [`lowerdir=${names.join(':')}`, 'upperdir=u,workdir=w', ...PLAIN[kind]].join(',');
  return { root, upper, mount: { kind, options } };
}

/**
 * As the options of {@link prepareOverlay}, for a mount of the same layers where they are shown with other ids.
 * @param lowers where they are shown, the lowest first. @param own where the overlay's directory is, relative to that.
 */
export function shownOverlayOptions(lowers: readonly string[], directory: string, own: string): string {
  const names = shortNames(lowers, directory, 's');
  return [`lowerdir=${names.join(':')}`, `upperdir=${own}/u,workdir=${own}/w`, ...PLAIN.machine].join(',');
}

function makeDirectory(path: string): void {
  mkdirSync(path, { mode: 0o755, recursive: true });
}

function currentDirectory(): string {
  try {
    return process.cwd();
  } catch {
    return '/'; // somebody has removed it
  }
}

/** One page holds all options of a mount, so directories are named by short links, the topmost first. */
function shortNames(lowers: readonly string[], directory: string, prefix = ''): string[] {
  if (lowers.length === 0) {
    makeDirectory(join(directory, 'empty'));
    return ['empty'];
  }
  for (const [i, lower] of lowers.entries()) {
    rmSync(join(directory, `${prefix}${i}`), { force: true });
    symlinkSync(lower, join(directory, `${prefix}${i}`));
  }
  return lowers.map((_, i) => `${prefix}${i}`).reverse();
}

/** `volatile` (Linux 5.10): no syncing of what is thrown away when the machine fails. */
function mountQuickly(root: string, options: string, flags: number): void {
  try {
    mount('overlay', root, 'overlay', flags, `${options},volatile`);
  } catch {
    try {
      mount('overlay', root, 'overlay', flags, options);
    } catch (error) {
      throw new RuntimeUnavailableError(
        `cannot mount an overlay in ${root}: the directory of images must lie on a file system such as ext4, xfs ` +
          'or btrfs; inside a container that is a volume, not the container itself. Where the kernel lets nobody but root ' +
          'do it, BERTH_OVERLAY=fuse-overlayfs does without',
        { cause: error },
      );
    }
  }
}

/** The upper directory's own attributes are those of the root of the tree. */
function copyAttributes(from: string | undefined, to: string): void {
  if (from === undefined) {
    chmodSync(to, 0o755);
    return;
  }
  const { uid, gid, mode, mtimeMs } = lstatSync(from);
  chownSync(to, uid, gid);
  chmodSync(to, mode & 0o7777);
  lutimes(to, { seconds: Math.floor(mtimeMs / 1000), nanoseconds: 0 });
}
