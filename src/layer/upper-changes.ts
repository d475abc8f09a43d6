import { lstatSync } from 'node:fs';
import type { OverlayDirectories } from './diff-upper.js';
import { joinPath } from './entry.js';
import { isLeftover } from './leftovers.js';
import { type LowerChild, LowerDirectory } from './lower-directory.js';
import { compareNames, encodeName } from './names.js';
import { isWhiteoutDevice, opaqueMark } from './overlay.js';
import { Pace } from './pace.js';
import { overlayNames } from './tree-entry.js';

/** One file that is not as the layers below have it; `path` is absolute. */
export type Change = Readonly<{ kind: 'added' | 'changed' | 'deleted'; path: string }>;

/**
 * What an overlay's upper directory changes, as `docker diff` tells of it: depth first, names sorted, a directory before what
 * is in it. A directory counts as changed when something was added to or deleted from it, or its own attributes were set.
 */
export async function upperChanges(directories: OverlayDirectories): Promise<Change[]> {
  const changes = new UpperChanges(directories);
  await changes.addDirectory('', new LowerDirectory(directories.lowers, directories));
  return changes.found;
}

class UpperChanges {
  readonly found: Change[] = [];
  readonly #directories: OverlayDirectories;
  readonly #pace = new Pace();

  constructor(directories: OverlayDirectories) {
    this.#directories = directories;
  }

  async addDirectory(path: string, lower: LowerDirectory | undefined): Promise<void> {
    const directory = joinPath(this.#directories.upper, path);
    const isOpaque = opaqueMark(encodeName(directory), this.#directories) === 'y';
    const own = overlayNames(directory, this.#directories);
    // What an opaque directory does not have is deleted.
    const hidden = isOpaque && lower ? lower.names().filter((name) => lower.child(name) !== undefined) : [];
    for (const name of [...new Set([...own, ...hidden])].sort(compareNames)) {
      await this.#addChild(joinPath(path, name), lower?.child(name));
      if (this.#pace.isDue()) await this.#pace.breathe();
    }
  }

  async #addChild(path: string, below: LowerChild | undefined): Promise<void> {
    const { upper } = this.#directories;
    const stats = lstatSync(encodeName(joinPath(upper, path)), { throwIfNoEntry: false });
    if (stats === undefined || isWhiteoutDevice(stats)) {
      if (below) this.#add('deleted', path);
      return;
    }
    if (!below && isLeftover(this.#directories, path, stats)) return;
    const isDirectory = stats.isDirectory();
    const isSame =
      isDirectory && below?.directory && isSameDirectory(encodeName(joinPath(upper, path)), below);
    const at = this.found.length;
    if (!isSame) this.#add(below ? 'changed' : 'added', path);
    if (!isDirectory) return;
    await this.addDirectory(path, below?.directory);
    const isChanged = this.found.slice(at).some((change) => change.kind !== 'changed' && isIn(path, change));
    if (isSame && isChanged) this.found.splice(at, 0, { kind: 'changed', path: `/${path}` });
  }

  #add(kind: Change['kind'], path: string): void {
    this.found.push({ kind, path: `/${path}` });
  }
}

function isIn(directory: string, { path }: Change): boolean {
  return path.lastIndexOf('/') === directory.length + 1;
}

/** A directory is copied up when something in it changes; that alone is no change. */
function isSameDirectory(file: string | Buffer, { stats }: LowerChild): boolean {
  const above = lstatSync(file, { bigint: true });
  return (
    above.mode === stats.mode &&
    above.uid === stats.uid &&
    above.gid === stats.gid &&
    above.size === stats.size &&
    above.mtimeNs === stats.mtimeNs
  );
}
