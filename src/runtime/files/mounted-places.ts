import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  realpathSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname } from 'node:path';
import { fchdir, MOUNT_FLAGS, mount } from '../../linux/index.js';
import { openParts } from '../volumes/index.js';

/** What lies on a place of the tree: a directory or file of the machine. */
export type MountedPlace = Readonly<{
  /** Absolute, links are followed. What is not there is not mounted. */
  source: string;
  /** A path in `source` that leads over no link; containers may be changing it. */
  subpath?: string;
  /** Absolute, as seen in the container. */
  destination: string;
  readOnly: boolean;
}>;

type Opened = Readonly<{ place: MountedPlace; directory: number; name: string }>;

/**
 * Mounts of the machine that are to be made inside a new root: opened before it is entered, and mounted afterwards, when the
 * links in their destinations lead nowhere else. A descriptor is turned into a source as the current directory.
 */
export class MountedPlaces {
  readonly #opened: readonly Opened[];

  /** @param places parents first. */
  constructor(places: readonly MountedPlace[]) {
    this.#opened = places.flatMap((place) => openPlace(place) ?? []);
  }

  /** Once the root is the container's. */
  mount(): void {
    for (const { place, directory, name } of this.#opened) {
      const { destination, readOnly } = place;
      makeTarget(destination, name === '.' ? 'directory' : 'file');
      fchdir(directory);
      mount(name, destination, '', MOUNT_FLAGS.bind | MOUNT_FLAGS.recursive);
      if (readOnly)
        mount('none', destination, '', MOUNT_FLAGS.bind | MOUNT_FLAGS.remount | MOUNT_FLAGS.readOnly);
      process.chdir('/');
      closeSync(directory);
    }
  }
}

function openPlace(place: MountedPlace): Opened | undefined {
  const stats = statSync(place.source, { throwIfNoEntry: false });
  if (stats === undefined) return undefined;
  const source = realpathSync(place.source);
  if (place.subpath) return openBelow(place, source, place.subpath);
  const [directory, name] = stats.isDirectory() ? [source, '.'] : [dirname(source), basename(source)];
  return { place, directory: openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY), name };
}

function openBelow(place: MountedPlace, source: string, subpath: string): Opened | undefined {
  const fd = openParts(source, subpath);
  if (fstatSync(fd).isDirectory()) return { place, directory: fd, name: '.' };
  closeSync(fd);
  const at = subpath.lastIndexOf('/');
  return {
    place,
    directory: openParts(source, subpath.slice(0, Math.max(at, 0))),
    name: subpath.slice(at + 1),
  };
}

function makeTarget(path: string, kind: 'file' | 'directory'): void {
  if (statSync(path, { throwIfNoEntry: false })) return;
  mkdirSync(kind === 'directory' ? path : dirname(path), { recursive: true, mode: 0o755 });
  if (kind === 'file') writeFileSync(path, '', { flag: 'wx', mode: 0o644 });
}
