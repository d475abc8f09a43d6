import { closeSync, constants, fstatSync, lstatSync, openSync, readSync, type Stats } from 'node:fs';
import type { Entry } from './entry.js';
import { encodeName } from './names.js';
import { BLOCK_BYTES, paddingOf } from './tar-format.js';
import { entryHeader } from './tar-header.js';
import { HardLinks } from './tar-tree.js';
import { entryOf, namesIn } from './tree-entry.js';

const CHUNK_BYTES = 128 * 1024;
/** Not through a link or into a device that took the file's place since it was listed. */
const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * A file, or a directory with all that is in it, as a tar that is made while it is read: sorted, hard links joined, sockets
 * left out. Others may be writing meanwhile: a file has as many bytes as when it was opened, zeros in place of those that
 * are missing, and what is gone is left out.
 * @param file followed where it ends with a slash. @param name in the tar, of the file itself: `''` leaves it out, so that
 * what is in it has names of its own; `/` and `.` come before those names as they do in paths.
 * @param change what is said of an entry instead.
 */
export async function* tarStream(
  file: string,
  name: string,
  change: (entry: Entry) => Entry = (entry) => entry,
): AsyncGenerator<Buffer> {
  const links = new HardLinks();
  let waiting: Buffer[] = [];
  let size = 0;
  for (const bytes of members(file, name, { links, change })) {
    waiting.push(bytes);
    size += bytes.length;
    if (size < CHUNK_BYTES) continue;
    yield Buffer.concat(waiting);
    [waiting, size] = [[], 0];
  }
  yield Buffer.concat([...waiting, Buffer.alloc(2 * BLOCK_BYTES)]);
}

type Choices = Readonly<{ links: HardLinks; change: (entry: Entry) => Entry }>;

function* members(file: string, name: string, choices: Choices): Generator<Buffer> {
  const stats = lstatSync(encodeName(file));
  if (name !== '') yield* member(file, name === '/' ? '' : name, stats, choices);
  if (stats.isDirectory()) yield* children(file, name, choices);
}

function* children(directory: string, name: string, choices: Choices): Generator<Buffer> {
  for (const child of ifThere(() => namesIn(directory)) ?? []) {
    const file = `${directory}/${child}`;
    const stats = lstatSync(encodeName(file), { throwIfNoEntry: false });
    if (stats === undefined) continue;
    const path = name === '' || name === '/' ? name + child : `${name}/${child}`;
    yield* member(file, path, stats, choices);
    if (stats.isDirectory()) yield* children(file, path, choices);
  }
}

function* member(file: string, path: string, stats: Stats, { links, change }: Choices): Generator<Buffer> {
  const place = encodeName(file);
  const found = ifThere(() => entryOf(path, place, stats));
  if (found === undefined) return;
  const entry = change(links.join(found, stats));
  if (entry.type === 'file') yield* content(place, entry);
  else yield entryHeader(entry);
}

function* content(file: string | Buffer, entry: Entry): Generator<Buffer> {
  const fd = ifThere(() => openSync(file, READ_FLAGS));
  if (fd === undefined) return;
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) return; // something else took its place
    yield entryHeader({ ...entry, size: stats.size });
    let missing = stats.size;
    while (missing > 0) {
      const chunk = Buffer.alloc(Math.min(missing, CHUNK_BYTES));
      const bytes = readSync(fd, chunk, 0, chunk.length, null);
      if (bytes === 0) break;
      yield chunk.subarray(0, bytes);
      missing -= bytes;
    }
    yield* zeros(missing + paddingOf(stats.size));
  } finally {
    closeSync(fd);
  }
}

function* zeros(count: number): Generator<Buffer> {
  for (let rest = count; rest > 0; rest -= CHUNK_BYTES) yield Buffer.alloc(Math.min(rest, CHUNK_BYTES));
}

/** `undefined` for what somebody has just removed, or put something else in the place of. */
function ifThere<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (
      ['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO', 'EINVAL'].includes((error as NodeJS.ErrnoException).code ?? '')
    )
      return undefined;
    throw error;
  }
}
