import { lstatSync, type Stats } from 'node:fs';
import { joinPath } from './entry.js';
import { encodeName } from './names.js';
import type { OverlayMarks } from './overlay.js';
import { overlayNames } from './tree-entry.js';

/** Paths in an overlay, without a leading slash, that may have been made only for something to be mounted on. */
export type MountPlaces = ReadonlySet<string>;

type Upper = OverlayMarks & Readonly<{ upper: string; leftovers?: MountPlaces }>;

/**
 * Whether there is nothing at such a place but what a mount left behind: an empty file, or a directory with nothing in it
 * but others of these. The layers below must have nothing there.
 */
export function isLeftover(directories: Upper, path: string, stats: Stats): boolean {
  const { upper, leftovers } = directories;
  if (!leftovers?.has(path)) return false;
  if (stats.isFile()) return stats.size === 0;
  if (!stats.isDirectory()) return false;
  return overlayNames(joinPath(upper, path), directories).every((name) => {
    const child = joinPath(path, name);
    return isLeftover(directories, child, lstatSync(encodeName(joinPath(upper, child))));
  });
}
