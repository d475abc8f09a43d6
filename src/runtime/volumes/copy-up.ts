import {
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import { flock } from '../../linux/index.js';
import { runProgram } from '../programs.js';
import { removeTree } from '../work-folder.js';

/** Where containers see the volume. */
export const DATA = '_data';
const LOCK = 'lock';
/** A copy that may not be complete, and one that is. */
const PARTIAL = 'copy.partial';
const COMPLETE = 'copy';

/**
 * Gives an empty volume what a directory of an image holds: content, owners, modes, times, attributes. Symbolic links are
 * copied as they are. Who comes back after a crash finds the copy whole, or not begun; of several at once one copies.
 * @param folder of the volume. @param seed a real directory, whose tree nobody changes meanwhile.
 * @param options `isMounted`: the volume's directory is on another file system, so a crash may leave a part of the copy.
 * @returns whether the volume was empty.
 */
export async function fillVolume(
  folder: string,
  seed: string,
  { isMounted = false, signal }: { isMounted?: boolean; signal?: AbortSignal | undefined } = {},
): Promise<boolean> {
  const data = join(folder, DATA);
  const lock = openSync(join(folder, LOCK), 'a', 0o600);
  try {
    await flock(lock, 'exclusive', signal ? { signal } : {});
    await moveComplete(folder);
    if (readdirSync(data).length > 0) return false;
    if (isMounted) await copyTree(seed, data);
    else {
      const partial = join(folder, PARTIAL);
      removeTree(partial);
      mkdirSync(partial, { mode: 0o700 });
      await copyTree(seed, partial);
      renameSync(partial, join(folder, COMPLETE));
      await moveComplete(folder);
    }
    return true;
  } finally {
    closeSync(lock);
  }
}

async function copyTree(from: string, to: string): Promise<void> {
  await runProgram(['cp', '-a', '--reflink=auto', '--', `${from}/.`, to]);
}

/**
 * Moves a complete copy to its place: the directory there stays the same, since a container may have it already. What that
 * has made meanwhile wins.
 */
async function moveComplete(folder: string): Promise<void> {
  const [copy, data] = [join(folder, COMPLETE), join(folder, DATA)];
  if (!existsSync(copy)) return;
  for (const name of readdirSync(copy, 'buffer')) {
    const [from, to] = [below(copy, name), below(data, name)];
    if (lstatSync(to, { throwIfNoEntry: false })) rmSync(from, { recursive: true, force: true });
    else renameSync(from, to);
  }
  await runProgram(['cp', '-a', '-T', '--', copy, data]); // the directory's own attributes
  rmdirSync(copy);
}

function below(directory: string, name: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${directory}/`), name]);
}
