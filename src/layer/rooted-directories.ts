import { lstatSync, mkdirSync, readlinkSync, type Stats } from 'node:fs';
import { joinPath, splitPath } from './entry.js';
import { LayerError } from './errors.js';
import { decodeName, encodeName } from './names.js';

const MAX_LINKS = 40;
/** Until all is in it; then it gets its own mode. */
const WORKING_MODE = 0o700;

/** What happens where a directory is wanted. */
export interface DirectoryEvents {
  /** One was made that no entry asked for. */
  implied(path: string): void;
  /** Something that is no directory is in the way, and must go. @returns once it is gone. */
  clear(path: string, stats: Stats): void;
  /** One was there that was not seen before. */
  found(path: string, stats: Stats): void;
  /** Where nothing is: what the layers below have there. */
  below(path: string): Below;
}

export type Below = 'directory' | 'other' | 'nothing' | 'unknown' | Readonly<{ linkName: string }>;

/**
 * What to do where no directory is: give up; make one, clearing the way; or make one only where the layers below have
 * one, or may have.
 */
type Wanted = 'find' | 'make' | 'make-as-below';
type Options = Readonly<{ wanted: Wanted; links: number }>;

/**
 * Finds and makes directories below a root, and never leaves it: each part of a path is looked at by itself, and a
 * symbolic link is followed as if the root were `/`. So nothing that a layer holds can lead outside. Nobody else may
 * change the tree meanwhile.
 */
export class RootedDirectories {
  readonly #root: string;
  readonly #events: DirectoryEvents;
  /** From paths as entries write them to paths without links. */
  readonly #known = new Map<string, string>([['', '']]);

  constructor(root: string, events: DirectoryEvents) {
    this.#root = root;
    this.#events = events;
  }

  /** For node:fs. @param path without links, but perhaps at its end. */
  fileAt(path: string): string | Buffer {
    return encodeName(`${this.#root}/${path}`);
  }

  /** @returns the directory's path without links, made if need be. @throws {LayerError} links in circles. */
  make(path: string): string {
    const made = this.#resolve(path, { wanted: 'make', links: 0 });
    if (made !== undefined) return made;
    throw new LayerError(path, 'it lies behind too many levels of symbolic links');
  }

  /** @returns `undefined` where there is no such directory. */
  find(path: string): string | undefined {
    return this.#resolve(path, { wanted: 'find', links: 0 });
  }

  /** For what is about the layers below: nothing is cleared away, and nothing made where they have no directory. */
  makeAsBelow(path: string): string | undefined {
    return this.#resolve(path, { wanted: 'make-as-below', links: 0 });
  }

  /** To be told of a directory that was made. */
  add(path: string): void {
    this.#known.set(path, path);
  }

  /** To be told when a directory or link has gone: paths may have led through it. */
  forget(): void {
    this.#known.clear();
    this.#known.set('', '');
  }

  #resolve(path: string, options: Options): string | undefined {
    const known = this.#known.get(path);
    if (known !== undefined) return known;
    const { parent, name } = splitPath(path);
    const realParent = this.#resolve(parent, options);
    if (realParent === undefined) return undefined;
    const resolved = this.#step(realParent, name, options);
    if (resolved !== undefined) this.#known.set(path, resolved);
    return resolved;
  }

  #step(parent: string, name: string, options: Options): string | undefined {
    const path = joinPath(parent, name);
    const file = this.fileAt(path);
    const stats = lstatSync(file, { throwIfNoEntry: false });
    if (stats?.isDirectory()) {
      this.#events.found(path, stats);
      return path;
    }
    if (stats?.isSymbolicLink())
      return this.#follow(parent, decodeName(readlinkSync(file, 'buffer')), options);
    if (options.wanted === 'find' || (stats && options.wanted === 'make-as-below')) return undefined;
    const below = stats ? 'nothing' : this.#events.below(path);
    if (typeof below === 'object') return this.#follow(parent, below.linkName, options);
    const isWanted = options.wanted === 'make' || below === 'directory' || below === 'unknown';
    if (!isWanted) return undefined;
    if (stats) this.#events.clear(path, stats);
    mkdirSync(file, WORKING_MODE);
    this.#events.implied(path);
    return path;
  }

  #follow(parent: string, target: string, { wanted, links }: Options): string | undefined {
    if (links >= MAX_LINKS) return undefined;
    let here: string | undefined = target.startsWith('/') ? '' : parent;
    for (const part of target.split('/')) {
      if (here === undefined) return undefined;
      if (part === '' || part === '.') continue;
      here =
        part === '..'
          ? splitPath(here).parent
          : this.#resolve(joinPath(here, part), { wanted, links: links + 1 });
    }
    return here;
  }
}
