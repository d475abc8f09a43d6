import { type Entry, joinPath } from './entry.js';
import { LayerError } from './errors.js';
import type { LayerIndex } from './layer-index.js';
import { sortNames } from './names.js';
import { emptyRoot, type Inode, isDirectory, MAX_LINKS, type TreeNode, withLayer } from './rootfs-tree.js';
import { TarFiles } from './tar-files.js';

/** A layer as this view needs it: what is in it, and the uncompressed tar where the content is. */
export type LayerFile = Readonly<{ index: LayerIndex; path: string }>;

/** A file, directory, link or device in the merged tree. */
export type Found = Readonly<{
  /** Without links on the way; empty for the root. */
  path: string;
  /** What it is; its `path` is the one above. Never a hard link: it is what the link's names share. */
  entry: Entry;
  /** Hard links to one file have the same one. */
  inode: Inode;
  node: TreeNode;
}>;

/** Where a path leads that need not be there. */
export type Destination = Readonly<{
  /** Without links on the way, nor at the end. */
  path: string;
  /** What is there, if anything. */
  found: Found | undefined;
  /** The deepest directory on the way that is there: the root at least, `found` itself at most. */
  parent: Found;
  /** The parts of `path` that are not there, after `parent`'s. Empty where `found` is set. */
  missing: readonly string[];
}>;

/**
 * A stack of layers as one tree, without unpacking: whiteouts applied, hard links joined, symbolic links followed
 * inside the root only. Paths may begin with a slash; `..` stops at the root. Immutable; views made of each other by
 * {@link RootfsView.extend} share their memory and their open files.
 */
export class RootfsView implements Disposable {
  readonly #root: TreeNode;
  readonly #files: TarFiles;

  private constructor(root: TreeNode, files: TarFiles) {
    this.#root = root;
    this.#files = files;
  }

  /** @param layers base first. @throws {LayerError} a hard link to nothing, or such nonsense. */
  static of(layers: Iterable<LayerFile> = []): RootfsView {
    let view = new RootfsView(emptyRoot(), new TarFiles());
    for (const layer of layers) view = view.extend(layer);
    return view;
  }

  extend(layer: LayerFile): RootfsView {
    return new RootfsView(withLayer(this.#root, layer), this.#files);
  }

  /** @param options `followLast`: a link at the end is followed too, as `stat` does. */
  lookup(path: string, { followLast = true }: { followLast?: boolean } = {}): Found | undefined {
    return this.#resolve(path, { followLast })?.found;
  }

  /** @throws {LayerError} a part of the way is there, but no directory; or links that go in circles. */
  destination(path: string): Destination {
    const resolved = this.#resolve(path, { followLast: true });
    if (resolved) return resolved;
    throw new LayerError(path, 'a part of this path is not a directory, or its symbolic links go in circles');
  }

  /** What is in a directory, sorted by bytes; nothing for what is none. */
  list(directory: Found): Found[] {
    const { children } = directory.node;
    if (!children) return [];
    return sortNames([...children.keys()]).flatMap((name) => {
      const child = children.get(name);
      return child ? [foundAt(joinPath(directory.path, name), child)] : [];
    });
  }

  /** All that is below a directory, itself left out: sorted, a directory before what is in it. */
  *walk(directory: Found): Generator<Found> {
    for (const child of this.list(directory)) {
      yield child;
      yield* this.walk(child);
    }
  }

  /**
   * The content of a file, read as it is asked for; nothing for what is no file. A chunk's memory is used again for
   * the next one, and so are only one file's chunks asked for at a time.
   */
  *read({ inode: { entry, place } }: Found): Generator<Uint8Array> {
    if (place) yield* this.#files.read(place, entry.size);
  }

  /** Bytes `[offset, offset + count)` of a file, fewer at its end; none of what is no file. */
  readPart({ inode: { entry, place } }: Found, offset: number, count: number): Buffer {
    return place ? this.#files.readPart(place, entry.size, { offset, count }) : Buffer.alloc(0);
  }

  /** A whole small file; `undefined` where `path` leads to none. @throws {LayerError} it is larger than `maxBytes`. */
  readFile(path: string, { maxBytes = 1024 * 1024 }: { maxBytes?: number } = {}): Buffer | undefined {
    const found = this.lookup(path);
    if (found?.entry.type !== 'file') return undefined;
    if (found.entry.size > maxBytes)
      throw new LayerError(path, `it has ${found.entry.size} bytes, more than ${maxBytes}`);
    return Buffer.concat([...this.#copies(found)]);
  }

  /** Closes the layers' files, for the views it was made of too; they are opened again when needed. */
  [Symbol.dispose](): void {
    this.#files[Symbol.dispose]();
  }

  *#copies(found: Found): Generator<Buffer> {
    for (const chunk of this.read(found)) yield Buffer.from(chunk);
  }

  /** @returns `undefined` where the way is barred. */
  #resolve(path: string, { followLast }: { followLast: boolean }): Destination | undefined {
    const trail = [foundAt('', this.#root)];
    const todo = path.split('/').reverse();
    const missing: string[] = [];
    for (let links = 0; todo.length > 0; ) {
      const name = todo.pop() ?? '';
      const here = trail.at(-1);
      if (name === '' || name === '.' || !here) continue;
      if (name === '..') {
        if (missing.length > 0) missing.pop();
        else if (trail.length > 1) trail.pop();
        continue;
      }
      if (missing.length > 0) {
        missing.push(name);
        continue;
      }
      if (!isDirectory(here.node)) return undefined;
      const child = here.node.children.get(name);
      if (!child) {
        missing.push(name);
        continue;
      }
      const isLast = todo.every((part) => part === '' || part === '.');
      if (child.type === 'symlink' && (followLast || !isLast)) {
        links += 1;
        if (links > MAX_LINKS) return undefined;
        const target = child.inode.entry.linkName ?? '';
        if (target.startsWith('/')) trail.length = 1;
        todo.push(...target.split('/').reverse());
        continue;
      }
      trail.push(foundAt(joinPath(here.path, name), child));
    }
    return destinationOf(trail, missing);
  }
}

function destinationOf(trail: readonly Found[], missing: readonly string[]): Destination | undefined {
  const last = trail.at(-1);
  if (!last) return undefined;
  if (missing.length > 0) {
    return { path: missing.reduce(joinPath, last.path), found: undefined, parent: last, missing };
  }
  const above = isDirectory(last.node) ? last : (trail.at(-2) ?? last);
  return { path: last.path, found: last, parent: above, missing: [] };
}

function foundAt(path: string, node: TreeNode): Found {
  const { entry } = node.inode;
  return { path, entry: entry.path === path ? entry : { ...entry, path }, inode: node.inode, node };
}
