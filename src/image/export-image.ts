import type { Entry } from '../layer/index.js';
import type { ArchiveOutput } from './archive-output.js';
import type { ImageRootfs } from './image-rootfs.js';

/** Writes all files of an image as one flat tar. Files with several names are written once, and linked. */
export async function exportRootfs({ view }: ImageRootfs, output: ArchiveOutput): Promise<void> {
  const root = view.lookup('');
  if (root === undefined) return output.finish();
  const firstNames = new Map<unknown, string>();
  for (const found of view.walk(root)) {
    const first = firstNames.get(found.inode);
    const isLink = first !== undefined && found.entry.type !== 'directory';
    if (!isLink) firstNames.set(found.inode, found.path);
    if (isLink) await output.add(linkEntry(found.entry, found.path, first));
    else await output.add({ ...found.entry, path: found.path }, copies(view.read(found)));
  }
  await output.finish();
}

function linkEntry(entry: Entry, path: string, linkName: string): Entry {
  const { mode, uid, gid, mtime } = entry;
  return { path, type: 'hardlink', linkName, mode, uid, gid, mtime, size: 0 };
}

/** The view uses the memory of its chunks again, and the output keeps them for a while. */
function* copies(chunks: Iterable<Uint8Array>): Generator<Uint8Array> {
  for (const chunk of chunks) yield Buffer.from(chunk);
}
