import { lstatSync, readdirSync, rmSync, type Stats, unlinkSync } from 'node:fs';
import type { ApplyOptions } from './apply-options.js';
import { type Entry, joinPath, splitPath } from './entry.js';
import { explained, LayerError } from './errors.js';
import { MetadataWriter } from './file-metadata.js';
import { type LowerChild, LowerDirectory } from './lower-directory.js';
import { decodeName, encodeName } from './names.js';
import { makeOpaque, makeWhiteout } from './overlay.js';
import { type Below, RootedDirectories } from './rooted-directories.js';
import { keptXattrs } from './tree-entry.js';

type DirectoryMetadata = Pick<Entry, 'uid' | 'gid' | 'mode' | 'mtime' | 'xattrs'>;

const SETGID = 0o2000;

/**
 * The directory that a layer is unpacked into, and what has been made in it. Paths here are relative to it and
 * without links, but for those that say `written`: as entries write them.
 */
export class UnpackedTree {
  readonly metadata: MetadataWriter;
  readonly #directories: RootedDirectories;
  readonly #lower: LowerDirectory | undefined;
  readonly #options: ApplyOptions;
  /** What this layer made. */
  readonly #made = new Set<string>();
  /** Directories that no entry asked for. */
  readonly #implied = new Set<string>();
  /** What directories get when all is in them. */
  readonly #later = new Map<string, DirectoryMetadata>();
  /** Marks of deletion that overlayfs will see, and those that something was put in the place of. */
  readonly #whiteouts = new Set<string>();
  readonly #replacedWhiteouts = new Set<string>();
  readonly #opaque = new Set<string>();

  constructor(root: string, options: ApplyOptions) {
    this.#options = options;
    const { lowers } = options;
    this.#lower = lowers && options.whiteouts === 'overlay' ? new LowerDirectory(lowers, options) : undefined;
    const isFresh = options.whiteouts === 'overlay' && (lstatSync(root).mode & SETGID) === 0;
    this.metadata = new MetadataWriter({
      ownership: options.ownership,
      newFilesAreOwn: isFresh,
      isPrivileged: options.ownership === 'keep' && options.userxattr !== true,
    });
    this.#directories = new RootedDirectories(root, {
      implied: (path) => this.#addImplied(path),
      clear: (path, stats) => this.remove(path, stats),
      found: (path, stats) => this.#remember(path, stats),
      below: (path) => this.#below(path),
    });
  }

  fileAt(path: string): string | Buffer {
    return this.#directories.fileAt(path);
  }

  hasMade(path: string): boolean {
    return this.#made.has(path);
  }

  /** Where `written` is to be made. The directories on the way are. */
  place(written: string): string {
    const { parent, name } = splitPath(written);
    return joinPath(this.#directories.make(parent), name);
  }

  /** Where `written` is, if the directories on the way are there. */
  find(written: string): string | undefined {
    const { parent, name } = splitPath(written);
    const directory = this.#directories.find(parent);
    return directory === undefined ? undefined : joinPath(directory, name);
  }

  findDirectory(written: string): string | undefined {
    return this.#directories.find(written);
  }

  /** For whiteouts: only where the layers below may have one, and nothing of this layer's stands in the way. */
  makeDirectoryAsBelow(written: string): string | undefined {
    return this.#directories.makeAsBelow(written);
  }

  /** Whether all there is at `path` are directories on the way to marks of deletion. */
  isForWhiteoutsOnly(path: string): boolean {
    if (this.#whiteouts.has(path)) return true;
    if (!this.#implied.has(path)) return false;
    const names = readdirSync(this.fileAt(path), 'buffer').map(decodeName);
    return names.every((name) => this.isForWhiteoutsOnly(joinPath(path, name)));
  }

  /** The file or symbolic link that the layers below have at `written`, if `lowers` says so. */
  fileBelow(written: string): LowerChild | undefined {
    const below = this.#lower?.find(written);
    return below?.stats.isFile() || below?.linkName !== undefined ? below : undefined;
  }

  /** Calls `make` for something that is no directory, having removed what was there. */
  create<T>(path: string, make: (file: string | Buffer) => T): T {
    const file = this.fileAt(path);
    const made = whereNothingIs(() => make(file)) ?? this.#createInstead(path, file, make);
    this.#made.add(path);
    return made.value;
  }

  /** Notes that the directory at `path` is there, and what it shall be in the end. */
  addDirectory(path: string, metadata: DirectoryMetadata): void {
    this.#made.add(path);
    this.#implied.delete(path);
    this.#later.set(path, metadata);
    this.#directories.add(path);
    if (this.#replacedWhiteouts.delete(path)) this.addOpaqueMark(path);
  }

  /** Hides what layers below may have at `path`, leaving what this layer made. For overlayfs to carry out. */
  hide(path: string): void {
    const stats = lstatSync(this.fileAt(path), { throwIfNoEntry: false });
    if (stats?.isDirectory() && !this.isForWhiteoutsOnly(path)) {
      this.addOpaqueMark(path);
    } else if (stats === undefined || stats.isDirectory()) {
      if (stats) this.remove(path, stats);
      this.#addWhiteout(path);
    }
  }

  /** Marks the directory at `path` as hiding all that layers below have in it. */
  addOpaqueMark(path: string): void {
    // Of a lower directory itself, overlayfs does not ask whether it is opaque.
    for (const name of path === '' ? (this.#lower?.names() ?? []) : []) this.hide(name);
    if (path === '') return;
    makeOpaque(this.fileAt(path), this.#options);
    this.#opaque.add(path);
    for (const name of readdirSync(this.fileAt(path), 'buffer').map(decodeName)) {
      const child = joinPath(path, name);
      if (this.isForWhiteoutsOnly(child)) this.remove(child);
    }
  }

  #addWhiteout(path: string): void {
    // Where nothing is hidden by it, overlayfs would show the mark as a broken file.
    if (this.#below(path) === 'nothing') return;
    makeWhiteout(this.fileAt(path));
    this.#whiteouts.add(path);
  }

  /** With all that is in it. */
  remove(
    path: string,
    stats: Stats | undefined = lstatSync(this.fileAt(path), { throwIfNoEntry: false }),
  ): void {
    if (this.#whiteouts.delete(path)) this.#replacedWhiteouts.add(path);
    if (!stats?.isDirectory()) {
      unlinkSync(this.fileAt(path));
      if (stats?.isSymbolicLink()) this.#directories.forget();
      this.#made.delete(path);
      return;
    }
    rmSync(this.fileAt(path), { recursive: true, force: true });
    this.forgetDirectory(path);
  }

  /** To be told of a directory's end. */
  forgetDirectory(path: string): void {
    this.#directories.forget();
    const below = `${path}/`;
    for (const paths of [this.#made, this.#implied, this.#later, this.#whiteouts, this.#opaque]) {
      paths.delete(path);
      for (const known of paths.keys()) if (known.startsWith(below)) paths.delete(known);
    }
  }

  /** Gives directories their metadata, the deepest ones first: work in them would change it. */
  finish(): void {
    for (const [path, metadata] of [...this.#later].reverse())
      explained(path, () => this.metadata.write(this.fileAt(path), metadata));
  }

  #createInstead<T>(path: string, file: string | Buffer, make: (file: string | Buffer) => T): { value: T } {
    this.remove(path);
    const made = whereNothingIs(() => make(file));
    if (made) return made;
    throw new LayerError(path, 'something else writes to the directory that it is unpacked into');
  }

  #addImplied(path: string): void {
    const below = this.#lower?.find(path);
    const file = below?.directory && encodeName(below.file);
    const xattrs = file && keptXattrs(file);
    this.addDirectory(path, {
      ...(file ? metadataOf(lstatSync(file)) : { mode: 0o755, uid: 0, gid: 0, mtime: 0 }),
      ...(xattrs && { xattrs }),
    });
    this.#implied.add(path);
  }

  /** A directory of a layer below: it is not changed by what is put in it. */
  #remember(path: string, stats: Stats): void {
    if (this.#later.has(path) || this.#options.whiteouts === 'none') return;
    this.#later.set(path, metadataOf(stats));
    const isClosed = process.geteuid?.() !== 0 && (stats.mode & 0o700) !== 0o700;
    if (isClosed) this.metadata.open(this.fileAt(path), stats.mode);
  }

  /** By a directory of this layer. */
  #isHidden(path: string): boolean {
    const { parent } = splitPath(path);
    return this.#opaque.has(parent) || (parent !== '' && this.#isHidden(parent));
  }

  #below(path: string): Below {
    if (this.#isHidden(path)) return 'nothing';
    if (!this.#lower) return 'unknown';
    const below = this.#lower.find(path);
    if (below?.directory) return 'directory';
    if (below?.linkName !== undefined) return { linkName: below.linkName };
    return below ? 'other' : 'nothing';
  }
}

export function metadataOf({ mode, uid, gid, mtimeMs }: Stats): DirectoryMetadata {
  return { mode: mode & 0o7777, uid, gid, mtime: mtimeMs / 1000 };
}

/** @returns `undefined` where something is in the way. */
function whereNothingIs<T>(make: () => T): { value: T } | undefined {
  try {
    return { value: make() };
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return undefined;
    throw error;
  }
}
