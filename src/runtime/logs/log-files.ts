import type { Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/** The file that is written to, and those that were before it: the higher the number, the older. */
export function rotatedName(path: string, age: number): string {
  return age === 0 ? path : `${path}.${age}`;
}

/** An open file of a log. `size` in bytes when it was opened. */
export type LogFile = Readonly<{ handle: FileHandle; identity: string; size: number }>;

/** Nobody keeps more. */
const MAX_FILES = 1000;

/**
 * Opens the files of a log, the oldest first, also while they are rotated: that only moves them to higher numbers, so who
 * opens the newest first may see a file twice, but misses none.
 * @param options `after`: only those that are newer than this one. Close them.
 */
export async function openLogFiles(path: string, { after }: { after?: string } = {}): Promise<LogFile[]> {
  const files: LogFile[] = [];
  for (let age = 0; age < MAX_FILES; age += 1) {
    const file = await openIfAny(rotatedName(path, age));
    if (file === undefined && age > 0) break;
    if (file === undefined) continue; // moved away, and the next one is not there yet
    if (file.identity === after) {
      await file.handle.close();
      break;
    }
    if (files.some(({ identity }) => identity === file.identity)) await file.handle.close();
    else files.push(file);
  }
  return files.reverse();
}

async function openIfAny(path: string): Promise<LogFile | undefined> {
  try {
    const handle = await open(path, 'r');
    const stats = await handle.stat();
    return { handle, identity: identityOf(stats), size: stats.size };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function identityOf({ dev, ino }: Stats): string {
  return `${dev}:${ino}`;
}
