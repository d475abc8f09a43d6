import { lstatSync, type Stats } from 'node:fs';
import { joinPath } from './entry.js';
import { encodeName } from './names.js';
import { namesIn } from './tree-entry.js';

/** Paths in an overlay, without a leading slash, that may have been made only for something to be mounted on. */
export type MountPlaces = ReadonlySet<string>;

/**
 * Whether there is nothing at such a place but what a mount left behind: an empty file, or a directory with nothing in it
 * but others of these. The layers below must have nothing there.
 */
export function isLeftover(upper: string, path: string, stats: Stats, places: MountPlaces): boolean {
  if (!places.has(path)) return false;
  if (stats.isFile()) return stats.size === 0;
  if (!stats.isDirectory()) return false;
  return namesIn(joinPath(upper, path)).every((name) => {
    const child = joinPath(path, name);
    return isLeftover(upper, child, lstatSync(encodeName(joinPath(upper, child))), places);
  });
}
