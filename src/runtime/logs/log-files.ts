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
 * Opens the files of a log, the oldest first, also while they are rotated. That only moves them to higher numbers, so who
 * goes up the numbers misses none that was there at the beginning, but may meet one again, and behind it one that is newer.
 * @param options `after`: only those that are newer than this one. Close them.
 */
export async function openLogFiles(path: string, { after }: { after?: string } = {}): Promise<LogFile[]> {
  // In the order in which each was met for the last time: that of their ages.
  const met = new Map<string, LogFile>();
  await using opened = new AsyncDisposableStack();
  let gaps = 0;
  for (let age = 0; age < MAX_FILES; age += 1) {
    const file = await openIfAny(rotatedName(path, age), opened);
    if (file === undefined) {
      gaps += 1;
      if (gaps > 1) break;
      continue; // one has been moved on, and the next has not come yet
    }
    gaps = 0;
    if (file.identity === after) {
      await file.handle.close();
      break;
    }
    const again = met.get(file.identity);
    if (again) await file.handle.close();
    met.delete(file.identity);
    met.set(file.identity, again ?? file);
  }
  const files = await byAge([...met.values()]);
  opened.move(); // whoever asked closes them
  return files.reverse();
}

/** Those that were removed meanwhile were the oldest, and may not have been met again. */
async function byAge(files: readonly LogFile[]): Promise<LogFile[]> {
  const looked = await Promise.all(
    files.map(async (file) => ({ file, isRemoved: (await file.handle.stat()).nlink === 0 })),
  );
  return [false, true].flatMap((wanted) =>
    looked.filter(({ isRemoved }) => isRemoved === wanted).map(({ file }) => file),
  );
}

async function openIfAny(path: string, opened: AsyncDisposableStack): Promise<LogFile | undefined> {
  try {
    const handle = opened.use(await open(path, 'r'));
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
