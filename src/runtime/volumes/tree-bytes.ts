import type { Dirent } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** The sizes of all files of a tree, each once; 0 where there is none. What goes away meanwhile does not count. */
export async function treeBytes(directory: string): Promise<number> {
  const seen = new Set<string>();
  let total = 0;
  const pending = [directory];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    for (const entry of await entriesOf(path)) {
      const child = join(path, entry.name);
      if (entry.isDirectory()) pending.push(child);
      else if (entry.isFile()) total += await newBytes(child, seen);
    }
  }
  return total;
}

async function newBytes(path: string, seen: Set<string>): Promise<number> {
  const stats = await lstat(path).catch(() => undefined);
  if (stats === undefined) return 0;
  const key = `${stats.dev}:${stats.ino}`;
  if (seen.has(key)) return 0;
  if (stats.nlink > 1) seen.add(key);
  return stats.size;
}

async function entriesOf(path: string): Promise<Dirent[]> {
  return readdir(path, { withFileTypes: true }).catch(() => []);
}
