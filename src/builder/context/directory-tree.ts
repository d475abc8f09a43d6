import { createHash, hash } from 'node:crypto';
import { type BigIntStats, closeSync, constants, fstatSync, lstatSync, openSync, readSync } from 'node:fs';
import { type Entry, encodeName, fileType, type LayerWriter, namesIn, Pace } from '../../layer/index.js';
import { deviceNumbers } from '../../linux/index.js';
import { ContentHash } from './content-hash.js';
import { asSeen, linkTarget, lstat, secondsOf, settled, versionOf } from './file-stat.js';
import type { FileFacts, FileVersion } from './saved-facts.js';
import type { SourceEntry, SourceTree } from './source-tree.js';
import { isSameVersion, type StatCache } from './stat-cache.js';
import { decodeXattrs, encodeXattrs, readXattrs } from './xattrs.js';

/** What is left out of a context: IgnoreRules, or nothing. */
export type Ignoring = Readonly<{
  ignores(path: string): boolean;
  mayContainKept(directory: string): boolean;
}>;

type Options = Readonly<{
  name?: string;
  ignore?: Ignoring;
  cache?: StatCache;
  /** Who owns the files in the image: nobody's ids leave this machine. */
  ownership?: 'root' | 'keep';
  /** Told of sockets, which no layer can hold. */
  onSkipped?: (path: string) => void;
}>;

/** Larger ones are read in turns with everything else. */
const LARGE_BYTES = 1024 * 1024;
/** Also of a file that is said to be empty: it may have grown since. */
const LEAST_BYTES = 4096;
const SMALL_BYTES = 64 * 1024;
const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

type Seen = SourceEntry &
  Readonly<{
    version: FileVersion;
    isSettled: boolean;
    linkId?: string;
    /** From an earlier build. It is asked for several times, and takes longer to find than to keep. */
    known: FileFacts | undefined;
  }>;

/** A directory of this machine. What it holds is looked at once: it is taken to stay as it is during a build. */
export class DirectoryTree implements SourceTree {
  readonly name: string;
  readonly root: string;
  readonly #ignore: Ignoring | undefined;
  readonly #cache: StatCache | undefined;
  readonly #ownership: 'root' | 'keep';
  readonly #onSkipped: (path: string) => void;
  readonly #entries = new Map<string, Seen | undefined>();
  readonly #names = new Map<string, readonly string[]>();
  /** The content of one file after another. */
  #small: Buffer | undefined;

  constructor(root: string, options: Options = {}) {
    this.root = root;
    this.name = options.name ?? 'context';
    this.#ignore = options.ignore;
    this.#cache = options.cache;
    this.#ownership = options.ownership ?? 'root';
    this.#onSkipped = options.onSkipped ?? (() => {});
  }

  entry(path: string): Seen | undefined {
    const seen = this.#entries.get(path);
    if (seen !== undefined || this.#entries.has(path)) return seen;
    const entry = this.#isHidden(path) ? undefined : this.#look(path);
    this.#entries.set(path, entry);
    return entry;
  }

  names(directory: string): readonly string[] {
    let names = this.#names.get(directory);
    if (names === undefined) {
      names = asSeen(this.#shown(directory), () => namesIn(this.#pathOf(directory)));
      this.#names.set(directory, names);
    }
    return names;
  }

  /** Whether anything below is left out: then the directory itself must not be shown as it is. */
  hidesSomething(directory: string): boolean {
    if (this.#ignore === undefined) return false;
    return this.names(directory).some((name) => {
      const path = directory === '' ? name : `${directory}/${name}`;
      const entry = this.entry(path);
      return entry === undefined || (entry.type === 'directory' && this.hidesSomething(path));
    });
  }

  knownDigest({ path }: SourceEntry): string | undefined {
    const seen = this.entry(path);
    const facts = seen && (seen.known ?? this.#cache?.find(path, seen.version));
    return facts?.digest === '' ? undefined : facts?.digest;
  }

  async digest(file: SourceEntry): Promise<string> {
    const digest = this.knownDigest(file) ?? this.#smallDigest(file);
    if (digest !== undefined) return digest;
    const running = createHash('sha256');
    const pace = new Pace();
    for (const chunk of this.chunks(file)) {
      running.update(chunk);
      if (pace.isDue()) await pace.breathe();
    }
    const look = () => lstat(this.#pathOf(file.path), { follow: false });
    return this.#note(file.path, running.digest('hex'), look);
  }

  addTo(writer: LayerWriter, target: Entry, file: SourceEntry): Promise<string> | string {
    const path = this.#pathOf(file.path);
    // Hashed again though it may be known: it may have changed since it was looked at.
    const content = new ContentHash(target.size);
    let digest = '';
    const watch = {
      onChunk: (chunk: Uint8Array) => content.add(chunk),
      onEnd: (fd: number) => {
        digest = this.#note(file.path, content.digest(), () => fstatSync(fd, { bigint: true }));
      },
    };
    return asSeen(this.#shown(file.path), () => {
      if (target.size > LARGE_BYTES) return writer.addLargeFile(target, path, watch).then(() => digest);
      writer.addFile(target, path, watch);
      return digest;
    });
  }

  *chunks({ path, size }: SourceEntry): Generator<Uint8Array> {
    const fd = this.#open(path);
    const buffer = Buffer.allocUnsafe(Math.max(LEAST_BYTES, Math.min(size + 1, LARGE_BYTES)));
    const read = () => asSeen(this.#shown(path), () => readSync(fd, buffer));
    try {
      for (let bytes = read(); bytes > 0; bytes = read()) yield buffer.subarray(0, bytes);
    } finally {
      closeSync(fd);
    }
  }

  hasChanged(path: string): boolean {
    const isBelow = (seen: string) => path === '' || seen === path || seen.startsWith(`${path}/`);
    for (const [at, seen] of this.#entries) {
      if (seen === undefined || !isBelow(at)) continue;
      const now = lstat(this.#pathOf(at), { follow: at === '' });
      if (now === undefined || !isSameVersion(now, seen.version)) return true;
    }
    return false;
  }

  #isHidden(path: string): boolean {
    if (path === '' || this.#ignore === undefined || !this.#ignore.ignores(path)) return false;
    return !(this.#ignore.mayContainKept(path) && this.#containsKept(path));
  }

  /** A directory that is ignored is there if something in it is not. */
  #containsKept(path: string): boolean {
    const stat = lstatSync(this.#pathOf(path), { throwIfNoEntry: false });
    if (stat?.isDirectory() !== true) return false;
    return this.names(path).some((name) => this.entry(`${path}/${name}`) !== undefined);
  }

  #look(path: string): Seen | undefined {
    const at = this.#pathOf(path);
    const stat = lstat(at, { follow: path === '' });
    const type = stat && fileType(stat);
    if (stat === undefined || type === undefined) {
      if (stat?.isSocket()) this.#onSkipped(path);
      return undefined;
    }
    const version = versionOf(stat);
    const isSettled = settled(stat);
    const isKept = this.#ownership === 'keep';
    const known = this.#cache?.find(path, version);
    // Of the root only what is in it is ever copied.
    const xattrs =
      path === ''
        ? undefined
        : asSeen(this.#shown(path), () => this.#xattrs(path, { at, version, isSettled, type, known }));
    const seen: Seen = {
      path,
      type,
      mode: Number(stat.mode & 0o7777n),
      uid: isKept ? Number(stat.uid) : 0,
      gid: isKept ? Number(stat.gid) : 0,
      size: type === 'file' ? Number(stat.size) : 0,
      mtime: secondsOf(stat.mtimeNs),
      version,
      isSettled,
      known,
    };
    if (type === 'file' && xattrs === undefined && stat.nlink === 1n) return seen; // as nearly all are
    return {
      ...seen,
      ...(type === 'symlink' && { linkName: asSeen(this.#shown(path), () => linkTarget(at)) }),
      ...((type === 'character' || type === 'block') && { device: deviceNumbers(stat.rdev) }),
      ...(xattrs && { xattrs }),
      ...(type === 'file' && stat.nlink > 1n && { linkId: `${stat.dev}:${stat.ino}` }),
    };
  }

  #xattrs(
    path: string,
    seen: Pick<Seen, 'version' | 'isSettled' | 'type' | 'known'> & Readonly<{ at: string | Buffer }>,
  ): ReadonlyMap<string, Buffer> | undefined {
    if (seen.known !== undefined) return decodeXattrs(seen.known.xattrs);
    const xattrs = seen.type === 'symlink' ? undefined : readXattrs(seen.at);
    if (seen.type !== 'file' && seen.isSettled) {
      this.#cache?.set(path, seen.version, { digest: '', xattrs: encodeXattrs(xattrs) });
    }
    return xattrs;
  }

  /**
   * Without memory of its own for each file: V8 would collect all the time, as it counts that against a small heap.
   * @returns `undefined` for a file that is not small, or not as long as it was.
   */
  #smallDigest({ path, size }: SourceEntry): string | undefined {
    if (size >= SMALL_BYTES) return undefined;
    this.#small ??= Buffer.allocUnsafeSlow(SMALL_BYTES);
    const small = this.#small;
    const fd = this.#open(path);
    try {
      const bytes = asSeen(this.#shown(path), () => readSync(fd, small, 0, size + 1, null));
      if (bytes !== size) return undefined;
      const digest = hash('sha256', small.subarray(0, size));
      return this.#note(path, digest, () => fstatSync(fd, { bigint: true }));
    } finally {
      closeSync(fd);
    }
  }

  /** @param look what the file is that was read, afterwards. */
  #note(path: string, digest: string, look: () => BigIntStats | undefined): string {
    const seen = this.entry(path);
    if (seen === undefined || !seen.isSettled || this.knownDigest(seen) === digest) return digest;
    const now = look();
    if (now !== undefined && isSameVersion(now, seen.version)) {
      const facts = { digest, xattrs: encodeXattrs(seen.xattrs) };
      this.#cache?.set(path, seen.version, facts);
      if (seen.known !== undefined) this.#entries.set(path, { ...seen, known: facts });
    }
    return digest;
  }

  #open(path: string): number {
    return asSeen(this.#shown(path), () => openSync(this.#pathOf(path), READ_FLAGS));
  }

  /** For messages. */
  #shown(path: string): string {
    return path === '' ? this.root : `${this.root}/${path}`;
  }

  #pathOf(path: string): string | Buffer {
    return path === '' ? this.root : encodeName(`${this.root}/${path}`);
  }
}
