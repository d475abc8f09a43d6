import { randomUUID } from 'node:crypto';
import type { Dirent } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type {
  AppendWriter,
  ByteRange,
  Entry,
  FileInfo,
  FileReader,
  StorageDriver,
  StoragePath,
} from './driver.js';
import { PathNotFoundError, StorageUnavailableError } from './errors.js';
import { byName, checkPath } from './path.js';

/** Where files are made before they get their name: on the same file system, and out of every listing. */
const SCRATCH = '/berth/tmp';

/** Files below a root directory. Every name is durable before the call that made it returns. */
export class FilesystemDriver implements StorageDriver {
  readonly name = 'filesystem';
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  async stat(path: StoragePath): Promise<FileInfo | undefined> {
    try {
      const info = await stat(this.#resolve(path));
      return { size: info.size, modifiedAt: info.mtime, directory: info.isDirectory() };
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
  }

  async read(path: StoragePath): Promise<Buffer> {
    const file = await this.#openFile(path);
    try {
      return await file.readFile();
    } finally {
      await file.close();
    }
  }

  async write(path: StoragePath, bytes: Uint8Array): Promise<void> {
    const target = this.#resolve(path);
    const scratch = join(this.#root, SCRATCH, `${randomUUID()}.tmp`);
    await explained(path, async () => {
      await Promise.all([makeDirectory(dirname(scratch)), makeDirectory(dirname(target))]);
      try {
        const file = await open(scratch, 'wx', 0o666);
        try {
          await file.writeFile(bytes);
          await file.datasync();
        } finally {
          await file.close();
        }
        await rename(scratch, target);
      } catch (error) {
        await rm(scratch, { force: true });
        throw error;
      }
      await syncDirectory(dirname(target));
    });
  }

  async open(path: StoragePath, range?: ByteRange): Promise<FileReader> {
    const file = await this.#openFile(path);
    try {
      const { size } = await file.stat();
      return new FilesystemReader(file, range ?? { start: 0, end: size });
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async append(path: StoragePath): Promise<AppendWriter> {
    const target = this.#resolve(path);
    return explained(path, async () => {
      await mkdir(dirname(target), { recursive: true });
      const file = await open(target, 'a', 0o666);
      try {
        const { size } = await file.stat();
        return new FilesystemWriter(path, file, size);
      } catch (error) {
        await file.close();
        throw error;
      }
    });
  }

  async *list(path: StoragePath, options: { after?: string } = {}): AsyncGenerator<Entry> {
    const { after } = options;
    for (const entry of await this.#entries(path)) {
      if (after === undefined || entry.name > after) yield entry;
    }
  }

  async move(from: StoragePath, to: StoragePath): Promise<void> {
    const target = this.#resolve(to);
    await explained(from, async () => {
      await makeDirectory(dirname(target));
      try {
        await rename(this.#resolve(from), target);
      } catch (error) {
        if (isAbsent(error)) throw new PathNotFoundError(from, { cause: error });
        throw error;
      }
      await syncDirectory(dirname(target));
    });
  }

  async delete(path: StoragePath, options: { durable?: boolean } = {}): Promise<void> {
    const target = this.#resolve(path);
    await explained(path, async () => {
      await rm(target, { recursive: true, force: true, maxRetries: 3 });
      if (options.durable !== false) await syncDirectory(dirname(target)).catch(ignoreAbsent);
    });
  }

  async signedUrl(): Promise<undefined> {
    return undefined;
  }

  async removeLeftovers(olderThan: Date): Promise<void> {
    for await (const { name } of this.list(SCRATCH)) {
      const info = await this.stat(`${SCRATCH}/${name}`);
      if (info && info.modifiedAt < olderThan) await rm(join(this.#root, SCRATCH, name), { force: true });
    }
  }

  async freeBytes(): Promise<number> {
    const { bavail, bsize } = await statfs(this.#root);
    return bavail * bsize;
  }

  #resolve(path: StoragePath): string {
    return join(this.#root, checkPath(path));
  }

  async #openFile(path: StoragePath): Promise<FileHandle> {
    try {
      return await open(this.#resolve(path), 'r');
    } catch (error) {
      if (isAbsent(error)) throw new PathNotFoundError(path, { cause: error });
      throw error;
    }
  }

  async #entries(path: StoragePath): Promise<Entry[]> {
    try {
      const entries = await readdir(this.#resolve(path), { withFileTypes: true });
      // Operators move large repositories to other disks and leave a link.
      const directory = (entry: Dirent) => entry.isDirectory() || entry.isSymbolicLink();
      return entries.map((entry) => ({ name: entry.name, directory: directory(entry) })).sort(byName);
    } catch (error) {
      if (isAbsent(error)) return [];
      throw error;
    }
  }
}

class FilesystemReader implements FileReader {
  readonly size: number;
  readonly #file: FileHandle;
  readonly #end: number;
  #position: number;

  constructor(file: FileHandle, range: ByteRange) {
    this.#file = file;
    this.#position = range.start;
    this.#end = range.end;
    this.size = range.end - range.start;
  }

  async read(buffer: Uint8Array): Promise<number> {
    const wanted = Math.min(buffer.byteLength, this.#end - this.#position);
    if (wanted === 0) return 0;
    const { bytesRead } = await this.#file.read(buffer, 0, wanted, this.#position);
    this.#position += bytesRead;
    return bytesRead;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}

/** Flushing begins while bytes still arrive, so that the commit of a large file has little left to wait for. */
const FLUSH_EVERY_BYTES = 16 * 1024 * 1024;

class FilesystemWriter implements AppendWriter {
  readonly #path: StoragePath;
  readonly #file: FileHandle;
  #size: number;
  #flushedSize: number;
  #flushing: Promise<void> | undefined;

  constructor(path: StoragePath, file: FileHandle, size: number) {
    this.#path = path;
    this.#file = file;
    this.#size = size;
    this.#flushedSize = size;
  }

  get size(): number {
    return this.#size;
  }

  async append(chunks: readonly Uint8Array[]): Promise<void> {
    await explained(this.#path, async () => {
      let rest = chunks;
      while (rest.length > 0) {
        const { bytesWritten } = await this.#file.writev(rest);
        this.#size += bytesWritten;
        rest = afterBytes(rest, bytesWritten);
      }
    });
    if (this.#size - this.#flushedSize >= FLUSH_EVERY_BYTES) this.#flushInBackground();
  }

  async commit(): Promise<void> {
    await this.#flushing;
    await explained(this.#path, () => this.#file.datasync());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#flushing;
    await this.#file.close();
  }

  #flushInBackground(): void {
    if (this.#flushing !== undefined) return;
    this.#flushedSize = this.#size;
    // A failure shows again at the commit, which is the call that promises something.
    this.#flushing = this.#file
      .datasync()
      .catch(() => {})
      .finally(() => {
        this.#flushing = undefined;
      });
  }
}

/** What is left of `chunks` once their first `count` bytes are gone. */
function afterBytes(chunks: readonly Uint8Array[], count: number): Uint8Array[] {
  const rest: Uint8Array[] = [];
  let skip = count;
  for (const chunk of chunks) {
    if (skip < chunk.byteLength) rest.push(skip === 0 ? chunk : chunk.subarray(skip));
    skip = Math.max(0, skip - chunk.byteLength);
  }
  return rest;
}

/** A new directory is only as durable as its entry in the one above it. */
async function makeDirectory(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true });
  if (first === undefined) return;
  for (let made = path; made.length >= first.length; made = dirname(made)) await syncDirectory(dirname(made));
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

const CANNOT_WRITE: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EROFS: 'the file system is read-only',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  EMFILE: 'too many open files',
  ENFILE: 'too many open files',
};

async function explained<T>(path: StoragePath, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    const reason = CANNOT_WRITE[codeOf(error)];
    if (reason === undefined) throw error;
    throw new StorageUnavailableError(`cannot write ${path}: ${reason}`, { cause: error });
  }
}

function isAbsent(error: unknown): boolean {
  return codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR';
}

function ignoreAbsent(error: unknown): void {
  if (!isAbsent(error)) throw error;
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
