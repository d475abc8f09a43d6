import { type Entry, findWhiteout, splitPath, WHITEOUT_PREFIX } from './entry.js';
import { LayerError } from './errors.js';
import type { LayerIndex } from './layer-index.js';
import type { Segment } from './sparse.js';

/** Where the bytes of a file lie: in an uncompressed tar. */
export type ContentPlace = Readonly<{ tar: string; offset: number; sparse?: readonly Segment[] }>;

/** A file as all its names share it: two names with one and the same inode are hard links. Never of type hardlink. */
export type Inode = Readonly<{ entry: Entry; place?: ContentPlace }>;

/** A name in the merged tree. Not changed once its tree is finished: trees share what they have in common. */
export class TreeNode {
  readonly inode: Inode;
  /** Of directories, and only of them. */
  readonly children: Map<string, TreeNode> | undefined;
  /** The edit that made it, and may still change it. */
  readonly edit: object;

  constructor(inode: Inode, children: Map<string, TreeNode> | undefined, edit: object) {
    this.inode = inode;
    this.children = children;
    this.edit = edit;
  }

  get type(): Entry['type'] {
    return this.inode.entry.type;
  }
}

type Directory = TreeNode & { readonly children: Map<string, TreeNode> };

/** As many symbolic links as Linux follows in one path. */
export const MAX_LINKS = 40;

export function isDirectory(node: TreeNode): node is Directory {
  return node.children !== undefined;
}

/** A root without anything in it. */
export function emptyRoot(): TreeNode {
  return new TreeNode(impliedDirectory(''), new Map(), {});
}

/** The tree with one more layer on top; `root` stays as it is. image-spec layer.md, "Applying Changesets". */
export function withLayer(root: TreeNode, layer: Readonly<{ index: LayerIndex; path: string }>): TreeNode {
  const editor = new TreeEditor(root);
  const { entries } = layer.index;
  // Whiteouts are about the layers below, wherever in the tar they stand.
  for (const { entry } of entries) if (entry.path.includes(WHITEOUT_PREFIX)) editor.hide(entry.path);
  for (const { entry, offset, sparse } of entries) {
    if (entry.path.includes(WHITEOUT_PREFIX) && findWhiteout(entry.path)) continue;
    editor.put(entry, { tar: layer.path, offset, ...(sparse && { sparse }) });
  }
  return editor.root;
}

function impliedDirectory(path: string): Inode {
  return { entry: { path, type: 'directory', mode: 0o755, uid: 0, gid: 0, size: 0, mtime: 0 } };
}

/** Changes a tree by copying the nodes on the way to each change, once. */
class TreeEditor {
  readonly #edit = {};
  readonly #before: TreeNode;
  readonly #root: Directory;
  /** Directories by the path that entries write, links resolved. */
  readonly #directories = new Map<string, Directory>();

  constructor(root: TreeNode) {
    this.#before = root;
    this.#root = this.#ownRoot(root);
  }

  get root(): TreeNode {
    return this.#root;
  }

  hide(path: string): void {
    const whiteout = findWhiteout(path);
    if (whiteout?.kind === 'opaque') {
      this.#findDirectory(whiteout.directory)?.children.clear();
      this.#directories.clear();
    } else if (whiteout?.kind === 'deleted') {
      const { parent, name } = splitPath(whiteout.path);
      this.#findDirectory(parent)?.children.delete(name);
      this.#directories.clear();
    }
  }

  put(entry: Entry, place: ContentPlace): void {
    const { parent, name } = splitPath(entry.path);
    const directory = this.#makeDirectory(parent);
    const old = directory.children.get(name);
    const isReplaced = old?.type === 'symlink' || (old?.type === 'directory' && entry.type !== 'directory');
    if (isReplaced) this.#directories.clear(); // paths may have led through it
    directory.children.set(name, this.#nodeFor(entry, place, old));
  }

  #nodeFor(entry: Entry, place: ContentPlace, old: TreeNode | undefined): TreeNode {
    if (entry.type === 'hardlink') return new TreeNode(this.#linked(entry), undefined, this.#edit);
    if (entry.type === 'file') return new TreeNode({ entry, place }, undefined, this.#edit);
    if (entry.type !== 'directory') return new TreeNode({ entry }, undefined, this.#edit);
    return new TreeNode({ entry }, old?.children ? this.#ownChildren(old) : new Map(), this.#edit);
  }

  #linked(entry: Entry): Inode {
    const { parent, name } = splitPath(entry.linkName ?? '');
    const target = this.#findDirectory(parent)?.children.get(name);
    if (target && !isDirectory(target)) return target.inode;
    // Extraction takes entries in their order: the link may come before the deletion of what it is to.
    const before = new TreeEditor(this.#before).#findDirectory(parent)?.children.get(name);
    if (before && !isDirectory(before)) return before.inode;
    throw new LayerError(entry.path, `a hard link to ${JSON.stringify(entry.linkName)}, which is no file`);
  }

  #findDirectory(path: string): Directory | undefined {
    return this.#directory(path, { create: false });
  }

  #makeDirectory(path: string): Directory {
    const made = this.#directory(path, { create: true });
    if (made) return made;
    throw new LayerError(path, 'too many levels of symbolic links');
  }

  /** The directory at `path`, this edit's own copy of it, through links inside the root. */
  #directory(path: string, { create }: { create: boolean }): Directory | undefined {
    const known = path === '' ? this.#root : this.#directories.get(path);
    if (known) return known;
    const found = this.#walk(path.split('/'), { create });
    if (found) this.#directories.set(path, found);
    return found;
  }

  #walk(parts: readonly string[], { create }: { create: boolean }): Directory | undefined {
    const trail: [Directory, ...Directory[]] = [this.#root];
    const todo = parts.toReversed();
    for (let links = 0; todo.length > 0; ) {
      const name = todo.pop() ?? '';
      const here = trail.at(-1) ?? this.#root;
      if (name === '' || name === '.') continue;
      if (name === '..') {
        if (trail.length > 1) trail.pop();
        continue;
      }
      const child = here.children.get(name);
      if (child?.type === 'symlink') {
        links += 1;
        if (links > MAX_LINKS) return undefined;
        const target = child.inode.entry.linkName ?? '';
        if (target.startsWith('/')) trail.length = 1;
        todo.push(...target.split('/').reverse());
        continue;
      }
      if (!create && !(child && isDirectory(child))) return undefined;
      trail.push(this.#own(here, name, child));
    }
    return trail.at(-1);
  }

  /** A directory that this edit may change, in the place of `child`: empty, if that was no directory. */
  #own(parent: Directory, name: string, child: TreeNode | undefined): Directory {
    if (child && isDirectory(child) && child.edit === this.#edit) return child;
    const path = parent.inode.entry.path === '' ? name : `${parent.inode.entry.path}/${name}`;
    const inode = child && isDirectory(child) ? child.inode : impliedDirectory(path);
    const own = new TreeNode(inode, child ? this.#ownChildren(child) : new Map(), this.#edit) as Directory;
    parent.children.set(name, own);
    return own;
  }

  #ownRoot(root: TreeNode): Directory {
    return new TreeNode(root.inode, new Map(root.children), this.#edit) as Directory;
  }

  #ownChildren(node: TreeNode): Map<string, TreeNode> {
    return node.edit === this.#edit && node.children ? node.children : new Map(node.children);
  }
}
