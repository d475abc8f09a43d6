import type { Dirent } from 'node:fs';
import { type FileHandle, open, readdir, rm, stat, statfs } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type {
  AppendWriter,
  ByteRange,
  Entry,
  FileInfo,
  FileReader,
  GatheredFile,
  Publication,
  StorageDriver,
  StoragePath,
} from '../driver.js';
import { PathNotFoundError } from '../errors.js';
import { byName, checkPath } from '../path.js';
import { makeDirectory, syncDirectory } from './directories.js';
import type { GatheredPart } from './gathering.js';
import { ManyFiles } from './many-files.js';
import { FilesystemPublisher } from './publisher.js';
import { FilesystemReader } from './reader.js';
import { explained, ignoreAbsent, isAbsent, rootIsGone, unavailable } from './system-errors.js';
import { FilesystemWriter } from './writer.js';

/** Where files are made before they get their name: on the same file system, and out of every listing. */
const SCRATCH = '/berth/tmp';

/** From so many on a thread removes them, which takes a moment to start. */
const MANY = 8;

/** Files below a root directory. Start with publisher.ts for how they become durable. */
export class FilesystemDriver implements StorageDriver {
  readonly name = 'filesystem';
  readonly #root: string;
  readonly #publisher: FilesystemPublisher;
  readonly #manyFiles: ManyFiles;

  /**
   * @param root an absolute path. The directory is made if it is not there.
   * @param options `nice`, from 0 to 19: how much work on many files gives way to all else.
   * @throws what the system says when it cannot be.
   */
  static async open(root: string, { nice = 0 }: { nice?: number } = {}): Promise<FilesystemDriver> {
    const first = await makeDirectory(root);
    await readdir(root); // it may be a file
    for (let made = root; first && made.length >= first.length; made = dirname(made))
      await syncDirectory(dirname(made));
    return new FilesystemDriver(root, nice);
  }

  private constructor(root: string, nice: number) {
    this.#root = resolve(root) === '/' ? '' : resolve(root); // paths begin with a slash
    this.#manyFiles = new ManyFiles(nice);
    this.#publisher = new FilesystemPublisher(this.#root, SCRATCH);
  }

  async stat(path: StoragePath): Promise<FileInfo | undefined> {
    try {
      const info = await stat(this.#resolve(path));
      const { size, mtime, ctime } = info;
      return { size, modifiedAt: mtime, changedAt: ctime, directory: info.isDirectory() };
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw unavailable(path, 'read', error);
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

  publish(...stages: readonly (readonly Publication[])[]): Promise<void> {
    return this.#publisher.publish(stages);
  }

  async open(path: StoragePath, range?: ByteRange): Promise<FileReader> {
    const file = await this.#openFile(path);
    try {
      const { size } = await file.stat();
      return new FilesystemReader(file, range ?? { start: 0, end: size }, size);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async append(path: StoragePath): Promise<AppendWriter> {
    const target = this.#resolve(path);
    return explained(path, async () => {
      await this.#publisher.makeDirectory(dirname(target));
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

  appended(path: StoragePath): Promise<FileInfo | undefined> {
    return this.stat(path);
  }

  async *list(path: StoragePath, options: { after?: string } = {}): AsyncGenerator<Entry> {
    const { after } = options;
    for (const entry of await this.#entries(path)) {
      if (after === undefined || entry.name > after) yield entry;
    }
  }

  async listAll(paths: readonly StoragePath[]): Promise<readonly (readonly string[])[]> {
    const [first] = paths;
    if (first === undefined) return [];
    try {
      return await this.#manyFiles.list(paths.map((path) => this.#resolve(path)));
    } catch (error) {
      throw unavailable(first, 'read', error);
    }
  }

  async gather(
    paths: readonly StoragePath[],
    options: { readUpTo: number },
  ): Promise<readonly GatheredFile[]> {
    const [first] = paths;
    if (first === undefined) return [];
    const files: GatheredFile[] = [];
    const found = (part: GatheredPart) => unpack(part, this.#root.length, files);
    try {
      const targets = paths.map((path) => this.#resolve(path));
      await this.#manyFiles.gather(targets, options, found);
    } catch (error) {
      throw unavailable(first, 'read', error);
    }
    return files;
  }

  async delete(path: StoragePath, options: { durable?: boolean } = {}): Promise<void> {
    const target = this.#resolve(path);
    await explained(path, async () => {
      await rm(target, { recursive: true, force: true, maxRetries: 3 });
      this.#publisher.forgetDirectories([target]);
      if (options.durable !== false) await syncDirectory(dirname(target)).catch(ignoreAbsent);
    });
  }

  async deleteAll(paths: readonly StoragePath[], options: { durable?: boolean } = {}): Promise<void> {
    const [first] = paths;
    if (first === undefined) return;
    if (paths.length < MANY) {
      const results = await Promise.allSettled(paths.map((path) => this.delete(path, options)));
      for (const result of results) if (result.status === 'rejected') throw result.reason;
      return;
    }
    const targets = paths.map((path) => this.#resolve(path));
    await explained(first, () => this.#manyFiles.remove(targets, { durable: options.durable !== false }));
    this.#publisher.forgetDirectories(targets);
  }

  async deleteFiles(
    paths: readonly StoragePath[],
    { changedBefore }: { changedBefore?: Date | undefined } = {},
  ): Promise<(number | undefined)[]> {
    const [first] = paths;
    if (first === undefined) return [];
    const targets = paths.map((path) => this.#resolve(path));
    const sizes = await explained(first, () => this.#manyFiles.removeFiles(targets, changedBefore));
    this.#publisher.forgetDirectories(Iterator.from(targets).map(dirname));
    return sizes;
  }

  async signedUrl(): Promise<undefined> {
    return undefined;
  }

  async *leftovers(olderThan: Date): AsyncGenerator<StoragePath> {
    for await (const { name } of this.list(SCRATCH)) {
      const path = `${SCRATCH}/${name}`;
      const info = await this.stat(path);
      if (info && info.modifiedAt < olderThan) yield path;
    }
  }

  async removeLeftovers(olderThan: Date): Promise<void> {
    for await (const path of this.leftovers(olderThan)) await rm(join(this.#root, path), { force: true });
  }

  async freeBytes(): Promise<number> {
    const { bavail, bsize } = await statfs(this.#root);
    return bavail * bsize;
  }

  #resolve(path: StoragePath): string {
    return this.#root + checkPath(path);
  }

  async #openFile(path: StoragePath): Promise<FileHandle> {
    try {
      return await open(this.#resolve(path), 'r');
    } catch (error) {
      throw isAbsent(error)
        ? new PathNotFoundError(path, { cause: error })
        : unavailable(path, 'read', error);
    }
  }

  async #entries(path: StoragePath): Promise<Entry[]> {
    try {
      const entries = await readdir(this.#resolve(path), { withFileTypes: true });
      // Operators move large repositories to other disks and leave a link.
      const directory = (entry: Dirent) => entry.isDirectory() || entry.isSymbolicLink();
      return entries.map((entry) => ({ name: entry.name, directory: directory(entry) })).sort(byName);
    } catch (error) {
      if (isAbsent(error) && path === '/') throw rootIsGone(error);
      if (isAbsent(error)) return [];
      throw unavailable(path, 'read', error);
    }
  }
}

/** @param rootLength how much of each path is that of the root. */
function unpack(
  { paths, sizes, times, ends, bytes }: GatheredPart,
  rootLength: number,
  files: GatheredFile[],
): void {
  let start = 0;
  paths.forEach((path, i) => {
    const end = ends[i] ?? -1;
    files.push({
      path: path.slice(rootLength),
      size: sizes[i] ?? 0,
      modifiedAt: new Date(times[i] ?? 0),
      ...(end >= 0 ? { bytes: bytes.subarray(start, end) } : {}),
    });
    if (end >= 0) start = end;
  });
}
