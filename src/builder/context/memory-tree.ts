import { createHash } from 'node:crypto';
import type { Entry, LayerWriter } from '../../layer/index.js';
import { sortNames } from '../../layer/index.js';
import type { SourceEntry, SourceTree } from './source-tree.js';

type MemoryFile = Readonly<{ content: Buffer; mtime: number; mode?: number }>;

/** A flat directory of files that are nowhere: here-documents, what was downloaded as text. */
export class MemoryTree implements SourceTree {
  readonly name: string;
  readonly #files: ReadonlyMap<string, MemoryFile>;

  constructor(name: string, files: Iterable<readonly [string, MemoryFile]>) {
    this.name = name;
    this.#files = new Map(files);
  }

  entry(path: string): SourceEntry | undefined {
    if (path === '') return { path, type: 'directory', mode: 0o755, uid: 0, gid: 0, size: 0, mtime: 0 };
    const file = this.#files.get(path);
    if (file === undefined) return undefined;
    const { content, mtime, mode = 0o644 } = file;
    return { path, type: 'file', mode, uid: 0, gid: 0, size: content.length, mtime };
  }

  names(directory: string): readonly string[] {
    return directory === '' ? sortNames([...this.#files.keys()]) : [];
  }

  knownDigest(file: SourceEntry): string {
    return createHash('sha256').update(this.#contentOf(file.path)).digest('hex');
  }

  async digest(file: SourceEntry): Promise<string> {
    return this.knownDigest(file);
  }

  addTo(writer: LayerWriter, target: Entry, file: SourceEntry): string {
    writer.add(target, this.#contentOf(file.path));
    return this.knownDigest(file);
  }

  *chunks({ path }: SourceEntry): Generator<Uint8Array> {
    yield this.#contentOf(path);
  }

  #contentOf(path: string): Buffer {
    return this.#files.get(path)?.content ?? Buffer.alloc(0);
  }
}
