import { type BigIntStats, lstatSync, readlinkSync } from 'node:fs';
import { decodeName, encodeName } from './names.js';
import { isWhiteoutDevice, type OverlayMarks, opaqueMark } from './overlay.js';
import { overlayNames } from './tree-entry.js';

/** What an overlay's lower directories show under a name. */
export type LowerChild = Readonly<{
  /** Of the uppermost one that has it. */
  file: string;
  stats: BigIntStats;
  /** Set for directories. */
  directory?: LowerDirectory;
  /** Set for symbolic links. */
  linkName?: string;
}>;

/** A directory as overlayfs merges it from several, without a mount. Never follows a symbolic link. */
export class LowerDirectory {
  readonly #directories: readonly string[];
  readonly #marks: OverlayMarks;

  /** @param directories uppermost first. */
  constructor(directories: readonly string[], marks: OverlayMarks) {
    this.#directories = directories;
    this.#marks = marks;
  }

  child(name: string): LowerChild | undefined {
    const merged: string[] = [];
    let first: { file: string; stats: BigIntStats } | undefined;
    for (const [i, directory] of this.#directories.entries()) {
      const file = `${directory}/${name}`;
      const stats = lstatSync(encodeName(file), { bigint: true, throwIfNoEntry: false });
      if (stats === undefined) continue;
      if (isWhiteoutDevice(stats)) break;
      if (!stats.isDirectory()) return first ? this.#directory(first, merged) : fileChild(file, stats);
      first ??= { file, stats };
      merged.push(file);
      const hasMore = i < this.#directories.length - 1;
      if (hasMore && opaqueMark(encodeName(file), this.#marks) === 'y') break;
    }
    return first && this.#directory(first, merged);
  }

  /** Of all that may be in it. Some may be deleted. */
  names(): string[] {
    return this.#directories.flatMap((directory) => overlayNames(directory, this.#marks));
  }

  /** @param path relative to this directory. */
  find(path: string): LowerChild | undefined {
    let here: LowerDirectory | undefined = this;
    let found: LowerChild | undefined;
    for (const name of path.split('/')) {
      found = here?.child(name);
      here = found?.directory;
    }
    return found;
  }

  #directory(first: { file: string; stats: BigIntStats }, merged: readonly string[]): LowerChild {
    return { ...first, directory: new LowerDirectory(merged, this.#marks) };
  }
}

function fileChild(file: string, stats: BigIntStats): LowerChild {
  if (!stats.isSymbolicLink()) return { file, stats };
  return { file, stats, linkName: decodeName(readlinkSync(encodeName(file), 'buffer')) };
}
