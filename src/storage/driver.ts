/** Absolute within the store, `/`-separated, no `.` or `..` parts: `/docker/registry/v2/blobs/...`. */
export type StoragePath = string;

/**
 * What is at a path. `size` in bytes; of a directory it means nothing. `changedAt` is when it was last given bytes or a
 * name, which nobody can set back: a copy that keeps times of modification is young all the same.
 */
export type FileInfo = Readonly<{ size: number; modifiedAt: Date; changedAt: Date; directory: boolean }>;

/** A name directly below a directory. */
export type Entry = Readonly<{ name: string; directory: boolean }>;

/**
 * A file below a directory. `md5` of its bytes, in hex, where the store says what may be one: it proves that the file holds
 * bytes whose MD5 is the same, and nothing else.
 */
export type WalkedFile = Readonly<{ path: StoragePath; size: number; modifiedAt: Date; md5?: string }>;

/** A file with its bytes, if they were asked for and are not too many. */
export type GatheredFile = WalkedFile & Readonly<{ bytes?: Uint8Array }>;

/** Bytes `[start, end)`. */
export type ByteRange = Readonly<{ start: number; end: number }>;

/**
 * A file that is given its name: with these bytes; or what was appended at `from`, which may keep that name too until it is
 * deleted; or what was written to a `file` that was created for this path. `durable: false` is for what nobody will miss
 * after a power cut.
 */
export type Publication = Readonly<{ path: StoragePath }> &
  (
    | Readonly<{ bytes: Uint8Array; durable?: boolean }>
    | Readonly<{ from: StoragePath }>
    | Readonly<{ file: NewFile }>
  );

/** Files by path. Knows no digest and no repository. What is appended is durable only once it is published. Everything
 * throws {@link StorageUnavailableError} when the store cannot be used now: full, read-only, failing. Every implementation passes test/storage/contract.ts. */
export interface StorageDriver {
  /** For logs and metrics: `filesystem`, `inmemory`, `s3aws`. */
  readonly name: string;
  /** `undefined` when nothing is there: an answer, not a failure. Need not know what is still being appended to. */
  stat(path: StoragePath): Promise<FileInfo | undefined>;
  /** A small file as a whole. @throws {PathNotFoundError} */
  read(path: StoragePath): Promise<Buffer>;
  /**
   * Gives files their names, stage by stage: all names of a stage, with all of their bytes, would survive a power cut
   * before the first of the next stage appears, and the last before this resolves. Each file appears as a whole, in
   * the place of the one that had its name. A failure may leave some of the names, in this order.
   * @throws {PathNotFoundError} nothing is at a `from`.
   */
  publish(...stages: readonly (readonly Publication[])[]): Promise<void>;
  /** For large files: reads in order into the caller's buffer. @throws {PathNotFoundError} */
  open(path: StoragePath, range?: ByteRange): Promise<FileReader>;
  /**
   * Continues the file at its end, or begins it. One writer at a time for a path: callers see to that. Until it is
   * published, `stat`, `list` and `read` need not know of it.
   * @param options `fresh`: nothing is there, which a store need not find out.
   */
  append(path: StoragePath, options?: { fresh?: boolean }): Promise<AppendWriter>;
  /** The file that `append` would continue, which can be opened too; `undefined` when it would begin one. */
  appended(path: StoragePath): Promise<FileInfo | undefined>;
  /**
   * Writes a file whose name is known from the start: it is there once it is published under that name, and what was
   * written is gone if it never is. Absent where giving a finished file another name costs nothing.
   */
  create?(path: StoragePath): Promise<NewFile>;
  /**
   * What is directly below a directory, in byte order of the names, after the name `after`.
   * Nothing when the directory does not exist, unless it is the root of a store that has one.
   */
  list(path: StoragePath, options?: { after?: string }): AsyncIterable<Entry>;
  /**
   * Names of what is directly below each of many directories, in byte order; none of one that does not exist. Absent itself
   * where it would cost no less than to list each.
   */
  listAll?(paths: readonly StoragePath[]): Promise<readonly (readonly string[])[]>;
  /**
   * Every file below a directory, in byte order of the paths. Absent where this is no cheaper than to list each directory
   * and look at each file.
   */
  walk?(path: StoragePath): AsyncIterable<WalkedFile>;
  /**
   * Each file, and every file below each directory, in no order, with the bytes of those that have no more than `readUpTo`:
   * the cheapest way to look at many that are small. Absent is fine. Absent itself where it would cost no less than to look at
   * each.
   */
  gather?(paths: readonly StoragePath[], options: { readUpTo: number }): Promise<readonly GatheredFile[]>;
  /**
   * A file, or a directory with everything below it. Absent is fine.
   * @param options `durable: false` is for leftovers, which may come back after a power cut and be removed again;
   *   `unpublished` says that there may be files that were appended to and never published.
   */
  delete(path: StoragePath, options?: { durable?: boolean; unpublished?: boolean }): Promise<void>;
  /**
   * The same for many at once, which costs less than one after the other and leaves other work its turn. Goes on after one
   * that cannot be deleted, and throws in the end.
   */
  deleteAll(paths: readonly StoragePath[], options?: { durable?: boolean }): Promise<void>;
  /**
   * Many files, each with its directory where nothing else is in that: the cheapest way to remove what is kept one by one.
   * They may come back after a power cut. Absent is fine. Goes on after one that cannot be deleted, and throws in the end.
   * @param options `changedBefore`: what was given bytes or a name since then stays.
   * @returns with `changedBefore`, the size in bytes of each that is gone, in the order given. Without it nothing is looked at.
   */
  deleteFiles(
    paths: readonly StoragePath[],
    options?: { changedBefore?: Date | undefined },
  ): Promise<(number | undefined)[]>;
  /** A URL where a client may read the file by itself for a while; `undefined` where the store has none. */
  signedUrl(path: StoragePath, options: { method: 'GET' | 'HEAD' }): Promise<string | undefined>;
  /** Names of what writes that never finished left behind before `olderThan`. */
  leftovers(olderThan: Date): AsyncIterable<string>;
  /** Removes all of it. */
  removeLeftovers(olderThan: Date): Promise<void>;
  /** Bytes that can still be written, where the store knows. */
  freeBytes(): Promise<number | undefined>;
}

/** Bytes in order. */
export interface ByteReader extends AsyncDisposable {
  /** How many; `Infinity` where nobody knows before the end, as of what is still on its way. */
  readonly size: number;
  /** Fills `buffer` from its start. @returns how many bytes; 0 only at the end. */
  read(buffer: Uint8Array): Promise<number>;
  /**
   * The next bytes, in memory of the reader's own that stays as it is until the next call; none at the end. In place of
   * `read` where it is there, as it copies nothing: but who stops before the end costs the reader its connection.
   */
  take?(): Promise<Uint8Array>;
}

/** `size` is that of what was asked for: the range, or the whole file. */
export interface FileReader extends ByteReader {
  /** Of the file as a whole. */
  readonly fileSize: number;
}

/** Makes a file that is not readable by its final name yet; it is continued by the next writer. */
export interface AppendWriter extends AsyncDisposable {
  /** Bytes in the file so far. */
  readonly size: number;
  /** Adds all of the chunks; they may be reused once this resolves. */
  append(chunks: readonly Uint8Array[]): Promise<void>;
}

/** A file on its way to its name. Disposing of it removes what was not published. */
export interface NewFile extends AsyncDisposable {
  /** Bytes so far. */
  readonly size: number;
  /** Adds all of the chunks; they may be reused once this resolves. */
  append(chunks: readonly Uint8Array[]): Promise<void>;
}
