import type {
  AppendWriter,
  ByteRange,
  Entry,
  FileInfo,
  FileReader,
  Publication,
  StorageDriver,
  StoragePath,
} from './driver.js';
import { PathNotFoundError } from './errors.js';
import { byName, checkPath } from './path.js';

type MemoryFile = { bytes: Buffer; modifiedAt: Date };

/** Keeps everything in this process and loses it with it: for tests and trials (`storage: inmemory`). */
export class MemoryDriver implements StorageDriver {
  readonly name = 'inmemory';
  readonly #files = new Map<StoragePath, MemoryFile>();
  readonly #now: () => Date;

  /** @param now its clock. */
  constructor(now = () => new Date()) {
    this.#now = now;
  }

  async stat(path: StoragePath): Promise<FileInfo | undefined> {
    const file = this.#files.get(checkPath(path));
    if (file) return infoOf(file, file.bytes.length);
    const inside = this.#below(path);
    const [first] = inside;
    return first && { ...infoOf(first[1], 0), directory: true };
  }

  async read(path: StoragePath): Promise<Buffer> {
    return Buffer.from(this.#get(path).bytes);
  }

  async publish(...stages: readonly (readonly Publication[])[]): Promise<void> {
    for (const publication of stages.flat()) {
      if ('bytes' in publication) this.#put(publication.path, Buffer.from(publication.bytes));
      else if ('from' in publication) this.#move(publication.from, publication.path);
    }
  }

  async open(path: StoragePath, range?: ByteRange): Promise<FileReader> {
    const { bytes } = this.#get(path);
    return new MemoryReader(bytes, range ?? { start: 0, end: bytes.length });
  }

  async append(path: StoragePath): Promise<AppendWriter> {
    if (!this.#files.has(checkPath(path))) this.#put(path, Buffer.alloc(0));
    const parts = [this.#get(path).bytes];
    let size = parts[0]?.length ?? 0;
    // Joined once, at the end: joining at each append would copy everything each time.
    return {
      get size() {
        return size;
      },
      append: async (chunks) => {
        for (const chunk of chunks) {
          parts.push(Buffer.from(chunk));
          size += chunk.byteLength;
        }
      },
      [Symbol.asyncDispose]: async () => {
        if (this.#files.has(path)) this.#put(path, Buffer.concat(parts));
      },
    };
  }

  appended(path: StoragePath): Promise<FileInfo | undefined> {
    return this.stat(path);
  }

  async *list(path: StoragePath, options: { after?: string } = {}): AsyncGenerator<Entry> {
    const prefix = path === '/' ? '/' : `${path}/`;
    const entries = new Map<string, Entry>();
    for (const [file] of this.#below(path)) {
      const [name = '', ...rest] = file.slice(prefix.length).split('/');
      entries.set(name, { name, directory: rest.length > 0 });
    }
    for (const entry of [...entries.values()].sort(byName)) {
      if (options.after === undefined || entry.name > options.after) yield entry;
    }
  }

  async delete(path: StoragePath): Promise<void> {
    this.#files.delete(checkPath(path));
    for (const [file] of this.#below(path)) this.#files.delete(file);
  }

  async deleteAll(paths: readonly StoragePath[]): Promise<void> {
    for (const path of paths) await this.delete(path);
  }

  async deleteFiles(
    paths: readonly StoragePath[],
    { changedBefore }: { changedBefore?: Date | undefined } = {},
  ): Promise<(number | undefined)[]> {
    return paths.map((path) => {
      const file = this.#files.get(checkPath(path));
      if (file === undefined || (changedBefore && file.modifiedAt >= changedBefore)) return undefined;
      this.#files.delete(path);
      return changedBefore && file.bytes.length;
    });
  }

  async signedUrl(): Promise<undefined> {
    return undefined;
  }

  async *leftovers(): AsyncGenerator<never> {}

  async removeLeftovers(): Promise<void> {}

  async freeBytes(): Promise<undefined> {
    return undefined;
  }

  #get(path: StoragePath): MemoryFile {
    const file = this.#files.get(checkPath(path));
    if (file === undefined) throw new PathNotFoundError(path);
    return file;
  }

  #put(path: StoragePath, bytes: Buffer): void {
    this.#files.set(checkPath(path), { bytes, modifiedAt: this.#now() });
  }

  #move(from: StoragePath, to: StoragePath): void {
    this.#put(to, this.#get(from).bytes);
    this.#files.delete(from);
  }

  #below(path: StoragePath): [StoragePath, MemoryFile][] {
    const prefix = checkPath(path) === '/' ? '/' : `${path}/`;
    return [...this.#files].filter(([file]) => file.startsWith(prefix));
  }
}

class MemoryReader implements FileReader {
  readonly size: number;
  readonly fileSize: number;
  #rest: Buffer;

  constructor(file: Buffer, { start, end }: ByteRange) {
    this.#rest = file.subarray(start, end);
    this.size = this.#rest.length;
    this.fileSize = file.length;
  }

  async read(buffer: Uint8Array): Promise<number> {
    const count = this.#rest.copy(buffer, 0, 0, buffer.byteLength);
    this.#rest = this.#rest.subarray(count);
    return count;
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

function infoOf({ modifiedAt }: MemoryFile, size: number): FileInfo {
  return { size, modifiedAt, changedAt: modifiedAt, directory: false };
}
