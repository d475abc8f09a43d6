import { lstatSync, readdirSync, rmdirSync } from 'node:fs';
import type { ApplyOptions } from './apply-options.js';
import { joinPath, splitPath } from './entry.js';
import { decodeName } from './names.js';
import type { UnpackedTree } from './unpacked-tree.js';

/** What becomes of the deletions in a layer. They never touch what the same layer makes, before them or after. */
export interface Whiteouts {
  /** Paths are as entries write them. */
  delete(path: string): void;
  /** All that layers below have in it. */
  empty(directory: string): void;
}

export function whiteoutsFor(tree: UnpackedTree, options: ApplyOptions): Whiteouts {
  return options.whiteouts === 'overlay' ? new OverlayWhiteouts(tree) : new AppliedWhiteouts(tree);
}

/** For overlayfs to carry out. */
class OverlayWhiteouts implements Whiteouts {
  readonly #tree: UnpackedTree;

  constructor(tree: UnpackedTree) {
    this.#tree = tree;
  }

  delete(written: string): void {
    const { parent, name } = splitPath(written);
    const directory = this.#tree.makeDirectoryAsBelow(parent);
    // Elsewhere nothing of the layers below is seen anyway.
    if (directory !== undefined) this.#tree.hide(joinPath(directory, name));
  }

  empty(written: string): void {
    const directory = this.#tree.makeDirectoryAsBelow(written);
    if (directory !== undefined) this.#tree.addOpaqueMark(directory);
  }
}

/** Carried out at once. */
class AppliedWhiteouts implements Whiteouts {
  readonly #tree: UnpackedTree;

  constructor(tree: UnpackedTree) {
    this.#tree = tree;
  }

  delete(written: string): void {
    const path = this.#tree.find(written);
    if (path !== undefined) this.#prune(path);
  }

  empty(written: string): void {
    const path = this.#tree.findDirectory(written);
    if (path !== undefined) this.#pruneChildren(path);
  }

  /** @returns whether something of this layer's stays. */
  #prune(path: string): boolean {
    const file = this.#tree.fileAt(path);
    const stats = lstatSync(file, { throwIfNoEntry: false });
    if (stats === undefined) return false;
    if (!stats.isDirectory()) {
      if (this.#tree.hasMade(path)) return true;
      this.#tree.remove(path, stats);
      return false;
    }
    const isKept = this.#pruneChildren(path) || this.#tree.hasMade(path);
    if (!isKept) {
      rmdirSync(file);
      this.#tree.forgetDirectory(path);
    }
    return isKept;
  }

  #pruneChildren(path: string): boolean {
    let isKept = false;
    for (const name of readdirSync(this.#tree.fileAt(path), 'buffer')) {
      if (this.#prune(joinPath(path, decodeName(name)))) isKept = true;
    }
    return isKept;
  }
}
