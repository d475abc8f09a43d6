import type { Entry } from '../../layer/index.js';
import { joinPath, splitPath } from '../../layer/index.js';
import type { SourceEntry } from '../context/source-tree.js';
import type { ChangeMode } from '../dockerfile/index.js';
import { BuildError } from '../errors.js';
import { below, type LayerPlan } from './layer-plan.js';
import type { Item, Listed } from './listing.js';
import { above } from './sources.js';
import type { Owner } from './users.js';

export type Placement = Readonly<{
  /** Absolute; a slash at the end means a directory. */
  destination: string;
  /** Of everything; each keeps its own when absent. */
  owner?: Owner;
  changeMode?: ChangeMode;
  /** Of directories that are made on the way, in seconds. */
  mtime: number;
}>;

/**
 * Plans what a COPY does: files go into a directory or become the destination, what is in directories is merged into
 * it. docs/building.md, "COPY".
 * @throws {BuildError}
 */
export function place(plan: LayerPlan, listing: readonly Listed[], placement: Placement): void {
  const target = plan.resolve(placement.destination);
  const files = listing.filter(({ picked, items }) => picked.entry.type !== 'directory' && items.length > 0);
  const isDirectory =
    placement.destination.endsWith('/') ||
    target === '' ||
    plan.find(target)?.type === 'directory' ||
    (files.length > 0 && listing.length > 1);
  for (const [i, listed] of listing.entries()) {
    const placer = new Placer(plan, placement, String(i));
    if (listed.picked.kept !== undefined) placer.withParents(listed, target);
    else if (listed.picked.entry.type === 'directory') placer.merge(listed, target);
    else if (listed.items.length > 0) {
      // Without the slash a link at the end is replaced, unless it leads to a directory.
      const path = isDirectory
        ? joinPath(target, listed.picked.name)
        : unresolvedLast(plan, placement.destination);
      placer.file(listed.picked.entry, path, listed);
    }
  }
}

function unresolvedLast(plan: LayerPlan, destination: string): string {
  const { parent, name } = splitPath(destination.replace(/\/+$/, ''));
  return joinPath(plan.resolve(parent), name);
}

class Placer {
  readonly #plan: LayerPlan;
  readonly #placement: Placement;
  /** Hard links are kept within one source. */
  readonly #scope: string;

  constructor(plan: LayerPlan, placement: Placement, scope: string) {
    this.#plan = plan;
    this.#placement = placement;
    this.#scope = scope;
  }

  file(entry: SourceEntry, path: string, { picked }: Listed): void {
    if (path === '') throw new BuildError(`${picked.text} cannot become the root directory`);
    this.#makeDirectory(splitPath(path).parent);
    this.#put({ path: '', entry }, path, picked.tree);
  }

  merge({ picked, items }: Listed, target: string): void {
    this.#makeDirectory(target);
    for (const item of items) if (item.path !== '') this.#put(item, below(target, item.path), picked.tree);
  }

  /** Directories on the way are those of the source, with its attributes. */
  withParents({ picked, items }: Listed, target: string): void {
    if (items.length === 0) return;
    this.#makeDirectory(target);
    for (const { path, entry } of above(picked)) {
      if (entry?.type === 'directory') this.#put({ path, entry }, below(target, path), picked.tree);
      else this.#makeDirectory(below(target, path));
    }
    for (const item of items) {
      const path = below(below(target, picked.kept ?? ''), item.path);
      if (path !== '') this.#put(item, path, picked.tree);
    }
  }

  #makeDirectory(path: string): void {
    const { owner = { uid: 0, gid: 0 }, mtime } = this.#placement;
    this.#plan.makeDirectory(path, { ...owner, mtime });
  }

  #put({ entry: source }: Item, path: string, tree: Listed['picked']['tree']): void {
    const { owner, changeMode } = this.#placement;
    const { linkId, ...attributes } = source;
    const isDirectory = source.type === 'directory';
    const mode =
      changeMode === undefined || source.type === 'symlink'
        ? source.mode
        : changeMode(source.mode, { directory: isDirectory });
    const entry = plainEntry({ ...attributes, ...owner, path, mode });
    if (source.type !== 'file') this.#plan.put({ entry });
    else
      this.#plan.put({
        entry,
        content: { tree, file: source },
        ...(linkId !== undefined && { linkId: `${this.#scope}:${linkId}` }),
      });
  }
}

/** Without what trees know beside it. */
function plainEntry({ path, type, mode, uid, gid, size, mtime, linkName, device, xattrs }: Entry): Entry {
  return {
    path,
    type,
    mode,
    uid,
    gid,
    size,
    mtime,
    ...(linkName !== undefined && { linkName }),
    ...(device && { device }),
    ...(xattrs && { xattrs }),
  };
}
