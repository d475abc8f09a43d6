import { lstatSync } from 'node:fs';
import { type Entry, joinPath } from './entry.js';
import type { LayerWriter } from './layer-writer.js';
import { encodeName } from './names.js';
import { Pace } from './pace.js';
import { entryOf, expectNoWhiteout, namesIn } from './tree-entry.js';

/** From here on, a file is read in slices. */
const LARGE_BYTES = 4 * 1024 * 1024;

/** @returns the entry as it shall be in the layer, or `undefined` for leaving it out, and all that is in it. */
export type EntryFilter = (entry: Entry) => Entry | undefined;

/**
 * Adds all that is in a directory, itself left out: sorted, hard links joined, sockets left out.
 * @returns how many entries.
 */
export async function tarTree(
  root: string,
  writer: LayerWriter,
  filter: EntryFilter = (entry) => entry,
): Promise<number> {
  const links = new HardLinks();
  const pace = new Pace();
  const before = writer.entryCount;
  const addDirectory = async (path: string): Promise<void> => {
    for (const name of namesIn(joinPath(root, path))) {
      const childPath = joinPath(path, name);
      const file = encodeName(`${root}/${childPath}`);
      const stats = lstatSync(file);
      const found = entryOf(childPath, file, stats);
      const entry = found && filter(found);
      if (pace.isDue()) await pace.breathe();
      if (entry === undefined) continue;
      expectNoWhiteout(childPath, name);
      await addEntry(writer, links.join(entry, stats), file);
      if (entry.type === 'directory') await addDirectory(childPath);
    }
  };
  await addDirectory('');
  return writer.entryCount - before;
}

export async function addEntry(writer: LayerWriter, entry: Entry, file: string | Buffer): Promise<void> {
  if (entry.type !== 'file' || entry.size === 0) writer.add(entry);
  else if (entry.size < LARGE_BYTES) writer.addFile(entry, file);
  else await writer.addLargeFile(entry, file);
}

/** Knows the first name of each file that has several. */
export class HardLinks {
  readonly #firstNames = new Map<string, string>();

  /** @returns `entry`, or a hard link to the entry that had the same file before. */
  join(entry: Entry, stats: Readonly<{ dev: number; ino: number; nlink: number }>): Entry {
    if (entry.type === 'directory' || stats.nlink < 2) return entry;
    const key = `${stats.dev}:${stats.ino}`;
    const first = this.#firstNames.get(key);
    if (first === undefined) {
      this.#firstNames.set(key, entry.path);
      return entry;
    }
    const { path, mode, uid, gid, mtime } = entry;
    return { path, type: 'hardlink', mode, uid, gid, size: 0, mtime, linkName: first };
  }
}
