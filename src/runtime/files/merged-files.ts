import { lstatSync, realpathSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { applyLayer, type Entry, tarStream } from '../../layer/index.js';
import { canCallLinux, chroot } from '../../linux/index.js';
import { ContainerFileError, ContainerFileNotFoundError } from '../errors.js';
import { mountHere, type OverlayMount } from '../overlay.js';
import { resolveInRoot } from '../root-path.js';
import { type IDMap, type IDRange, idInside, idOutside } from '../subordinate-ids.js';
import { findUser, textsOf } from '../users.js';
import { type MountedPlace, MountedPlaces } from './mounted-places.js';

/** The tree that a container sees, but for what the kernel makes and what is in memory: /proc, /sys, /dev, tmpfs. */
export type MergedPlace = Readonly<{
  kind: 'merged';
  /** The container's: its root filesystem is mounted in `root` of it, or is to be. */
  directory: string;
  /** Where it is not mounted yet. */
  overlay?: OverlayMount;
  mounts: readonly MountedPlace[];
  /** The root filesystem is not to be written to. */
  isReadOnly: boolean;
  /** What is seen is of these ids of the machine in place of the container's; if not given, of the container's. */
  ids?: IDMap;
}>;

/** What a person asks of one file. */
export type FileStat = Readonly<{
  /** The last part of its path: `/` of the root, `.` where the path ends with that. */
  name: string;
  size: number;
  /** Type and permissions as of stat(2). */
  mode: number;
  /** Nanoseconds since the epoch, in decimal. */
  mtimeNs: string;
  /** Where a symbolic link leads in the end: absolute, whether or not something is there; else `''`. */
  linkTarget: string;
}>;

export type WriteOptions = Readonly<{
  /** Of a directory. */
  path: string;
  /** Directories are not replaced by something else, nor the other way round. */
  keepsKinds: boolean;
  /** Everything becomes his: as in the container's USER. `''`: of whom the tar says. */
  user: string;
}>;

/** The files of one container, of which this process makes its root. All in it happens on the main thread. */
export class MergedFiles {
  readonly #place: MergedPlace;
  readonly #mounts: MountedPlaces;

  /** Enters. */
  constructor(place: MergedPlace) {
    this.#place = place;
    canCallLinux(); // what is loaded from the machine is loaded before
    this.#mounts = new MountedPlaces(place.mounts);
    process.chdir(place.directory);
    if (place.overlay !== undefined) mountHere('root', place.overlay);
    chroot('root');
    process.chdir('/');
  }

  mountAll(): void {
    this.#mounts.mount();
  }

  /** @returns `undefined` where nothing is. */
  stat(path: string): FileStat | undefined {
    const absolute = absolutePath(path);
    const stats = ifThere(() => lstatSync(absolute, { bigint: true }));
    if (stats === undefined) return undefined;
    return {
      name: nameOf(absolute),
      size: Number(stats.size),
      mode: Number(stats.mode),
      mtimeNs: String(stats.mtimeNs),
      linkTarget: stats.isSymbolicLink() ? resolveInRoot('/', absolute) : '',
    };
  }

  /** Writes a file, or a directory with what is in it, to standard output. @param name as in {@link tarStream}. */
  async read({ path, name }: Readonly<{ path: string; name: string }>): Promise<void> {
    // Unlike process.stdout it ends.
    const tar = tarStream(absolutePath(path), name, (entry) => this.#withIDs(entry, idInside));
    await pipeline(tar, new Socket({ fd: 1, readable: false }));
  }

  /** Unpacks the tar on standard input. @throws {ContainerFileNotFoundError} @throws {ContainerFileError} */
  async write({ path, keepsKinds, user }: WriteOptions): Promise<void> {
    const directory = this.#directoryAt(path);
    const owner = user === '' ? undefined : findUser(user, textsOf('/'));
    const below = (inner: string) => join(directory, inner).slice(1);
    const change = (entry: Entry): Entry => {
      const { uid, gid } = owner ?? entry;
      const linkName = entry.type === 'hardlink' && { linkName: below(entry.linkName ?? '') };
      return this.#withIDs({ ...entry, path: below(entry.path), ...linkName, uid, gid }, idOutside);
    };
    await applyLayer(process.stdin, '', {
      whiteouts: 'none',
      ownership: 'keep',
      devices: 'keep',
      keepsKinds,
      change,
    });
  }

  #withIDs(entry: Entry, translate: (range: IDRange, id: number) => number): Entry {
    const { ids } = this.#place;
    if (ids === undefined) return entry;
    return { ...entry, uid: translate(ids.uids, entry.uid), gid: translate(ids.gids, entry.gid) };
  }

  #directoryAt(path: string): string {
    const absolute = absolutePath(path);
    const directory = ifThere(() => realpathSync(absolute));
    const stats = directory === undefined ? undefined : lstatSync(directory);
    if (directory === undefined || stats === undefined) throw new ContainerFileNotFoundError(path);
    if (!stats.isDirectory()) throw new ContainerFileError('extraction point is not a directory');
    this.#expectWritable(directory);
    return directory;
  }

  #expectWritable(directory: string): void {
    const { mounts, isReadOnly } = this.#place;
    const holding = mounts.filter(
      ({ destination }) => directory === destination || directory.startsWith(`${destination}/`),
    );
    const innermost = holding.at(-1);
    if (innermost?.readOnly) throw new ContainerFileError('mounted volume is marked read-only');
    if (innermost === undefined && isReadOnly)
      throw new ContainerFileError('container rootfs is marked read-only');
  }
}

/** Without `..`, and with what is at its end: a slash, or `/.`. */
function absolutePath(path: string): string {
  const plain = join('/', path).replace(/\/$/, '');
  if (/(?:^|\/)\.$/.test(path)) return `${plain}/.`;
  return path.endsWith('/') || plain === '' ? `${plain}/` : plain;
}

function nameOf(absolute: string): string {
  const parts = absolute.split('/').filter((part) => part !== '');
  return parts.at(-1) ?? '/';
}

function ifThere<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (['ENOENT', 'ENOTDIR'].includes(code)) return undefined;
    throw error;
  }
}
