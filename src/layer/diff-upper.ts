import { type BigIntStats, lstatSync, readlinkSync, type Stats } from 'node:fs';
import { lgetxattr, llistxattr } from '../linux/index.js';
import { type Entry, joinPath, OPAQUE_MARKER, whiteoutOf } from './entry.js';
import { LayerError } from './errors.js';
import { FileContent } from './file-content.js';
import type { LayerWriter } from './layer-writer.js';
import { isLeftover, type MountPlaces } from './leftovers.js';
import { type LowerChild, LowerDirectory } from './lower-directory.js';
import { encodeName } from './names.js';
import { isWhiteoutDevice, type OverlayMarks, opaqueMark, overlayXattr } from './overlay.js';
import { Pace } from './pace.js';
import { addEntry, HardLinks } from './tar-tree.js';
import { entryOf, expectNoWhiteout, keptXattrs, overlayNames } from './tree-entry.js';

export type OverlayDirectories = OverlayMarks &
  Readonly<{
    upper: string;
    /** Uppermost first, as in overlayfs's own `lowerdir=`. */
    lowers: readonly string[];
    /** What was made only to mount something on is no change. */
    leftovers?: MountPlaces;
  }>;

/**
 * Adds to `writer` what an overlay's upper directory changes, as a layer: entries sorted, each after the directories
 * it is in; what is as it was below is left out; deletions become whiteouts; sockets are left out. The overlay should
 * be unmounted, or still; it must have been mounted with `redirect_dir=off,metacopy=off,index=off`. Owners are taken
 * as this process sees them, so call it inside the container's user namespace.
 * @returns how many entries.
 * @throws {LayerError} a name that begins with `.wh.`, or another kind of overlay.
 */
export async function diffUpper(directories: OverlayDirectories, writer: LayerWriter): Promise<number> {
  const before = writer.entryCount;
  const lower = new LowerDirectory(directories.lowers, directories);
  await new UpperDiff(directories, writer).addDirectory('', lower);
  return writer.entryCount - before;
}

class UpperDiff {
  readonly #upper: string;
  readonly #directories: OverlayDirectories;
  readonly #writer: LayerWriter;
  readonly #links = new HardLinks();
  readonly #pace = new Pace();
  readonly #content = new FileContent();
  /** Directories on the way to where we are that are not in the layer yet, for want of a change in them. */
  #waiting: Entry[] = [];

  constructor(directories: OverlayDirectories, writer: LayerWriter) {
    this.#upper = directories.upper;
    this.#directories = directories;
    this.#writer = writer;
  }

  async addDirectory(path: string, lower: LowerDirectory | undefined): Promise<void> {
    const directory = joinPath(this.#upper, path);
    const mark = opaqueMark(encodeName(directory), this.#directories);
    if (mark === 'y' && lower) this.#add({ ...WHITEOUT, path: joinPath(path, OPAQUE_MARKER) });
    const below = mark === 'y' ? undefined : lower;
    for (const name of overlayNames(directory, this.#directories)) {
      await this.#addChild(joinPath(path, name), name, below, { xattrWhiteouts: mark === 'x' });
      if (this.#pace.isDue()) await this.#pace.breathe();
    }
  }

  async #addChild(
    path: string,
    name: string,
    lower: LowerDirectory | undefined,
    { xattrWhiteouts }: { xattrWhiteouts: boolean },
  ): Promise<void> {
    const file = encodeName(`${this.#upper}/${path}`);
    const stats = lstatSync(file);
    const below = lower?.child(name);
    if (isWhiteoutDevice(stats) || (xattrWhiteouts && this.#isXattrWhiteout(file, stats))) {
      if (below) this.#add({ ...WHITEOUT, path: whiteoutOf(path) });
      return;
    }
    if (!below && isLeftover(this.#directories, path, stats)) return;
    const entry = entryOf(path, file, stats);
    if (entry === undefined) return;
    expectNoWhiteout(path, name);
    this.#expectPlainOverlay(path, file);
    if (entry.type !== 'directory') {
      if (below && stats.nlink < 2 && isSame(entry, file, below, this.#content)) return;
      this.#flush();
      await addEntry(this.#writer, this.#links.join(entry, stats), file);
      return;
    }
    const outer = this.#waiting;
    if (below?.directory && isSameDirectory(entry, below)) this.#waiting = [...outer, entry];
    else this.#add(entry);
    await this.addDirectory(path, below?.directory);
    // Either all of them have been added, or only ours is no longer on the way.
    this.#waiting = this.#waiting.length === 0 ? [] : outer;
  }

  #add(entry: Entry): void {
    this.#flush();
    this.#writer.add(entry);
  }

  #flush(): void {
    for (const directory of this.#waiting) this.#writer.add(directory);
    this.#waiting = [];
  }

  #isXattrWhiteout(file: string | Buffer, stats: Stats): boolean {
    return (
      stats.isFile() &&
      stats.size === 0 &&
      lgetxattr(file, overlayXattr('whiteout', this.#directories)) !== undefined
    );
  }

  #expectPlainOverlay(path: string, file: string | Buffer): void {
    const foreign = [
      overlayXattr('redirect', this.#directories),
      overlayXattr('metacopy', this.#directories),
    ];
    const found = llistxattr(file).find((name) => foreign.includes(name));
    if (found === undefined) return;
    throw new LayerError(path, `it has ${found}: mount the overlay with redirect_dir=off,metacopy=off`);
  }
}

/** As containerd writes them: the same bytes whenever they are made. */
const WHITEOUT = { type: 'file', mode: 0, uid: 0, gid: 0, size: 0, mtime: 0 } as const;

/** A directory is copied up when something in it changes; that alone is no change. */
function isSameDirectory(entry: Entry, below: LowerChild): boolean {
  return hasSameOwnerAndMode(entry, below.stats) && hasSameXattrs(entry, below.file);
}

/** Whether it was moved away and back, or had its metadata set to what it was. */
function isSame(entry: Entry, file: string | Buffer, below: LowerChild, content: FileContent): boolean {
  const above = lstatSync(file, { bigint: true });
  const { stats } = below;
  if ((above.mode & TYPE_BITS) !== (stats.mode & TYPE_BITS) || above.rdev !== stats.rdev) return false;
  if (above.size !== stats.size || above.mtimeNs !== stats.mtimeNs) return false;
  if (!hasSameOwnerAndMode(entry, stats) || !hasSameXattrs(entry, below.file)) return false;
  const lowerFile = encodeName(below.file);
  if (entry.type === 'symlink') return readlinkSync(file, 'buffer').equals(readlinkSync(lowerFile, 'buffer'));
  // Times that came out of a tar, or were set by `touch -d`, say little.
  const isWhole = above.mtimeNs % 1_000_000_000n === 0n;
  return entry.type !== 'file' || !isWhole || content.isSame(file, lowerFile);
}

const TYPE_BITS = 0o170000n;

function hasSameOwnerAndMode(entry: Entry, stats: BigIntStats): boolean {
  return (
    entry.mode === Number(stats.mode & 0o7777n) &&
    entry.uid === Number(stats.uid) &&
    entry.gid === Number(stats.gid)
  );
}

function hasSameXattrs(entry: Entry, lowerFile: string): boolean {
  const below = keptXattrs(encodeName(lowerFile));
  if (entry.xattrs?.size !== below?.size) return false;
  for (const [name, value] of entry.xattrs ?? []) if (!below?.get(name)?.equals(value)) return false;
  return true;
}
