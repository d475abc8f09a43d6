import { createHash } from 'node:crypto';
import { type Entry, type Found, type LayerWriter, Pace, type RootfsView } from '../../layer/index.js';
import type { SourceEntry, SourceTree } from './source-tree.js';

/** Larger files are read in turns with everything else. */
const LARGE_BYTES = 1024 * 1024;

/** The files of an image or of a stage, out of its layers. */
export class ViewTree implements SourceTree {
  readonly name: string;
  readonly #view: RootfsView;
  readonly #found = new Map<string, Found | undefined>();
  readonly #inodes = new Map<object, string>();

  constructor(name: string, view: RootfsView) {
    this.name = name;
    this.#view = view;
  }

  entry(path: string): SourceEntry | undefined {
    const found = this.#find(path);
    if (found === undefined) return undefined;
    const { entry, inode } = found;
    if (entry.type === 'hardlink') return undefined; // never: a view joins them
    return {
      ...entry,
      type: entry.type,
      path,
      ...(entry.type === 'file' && { linkId: this.#linkId(inode) }),
    };
  }

  names(directory: string): readonly string[] {
    const found = this.#find(directory);
    if (found === undefined) return [];
    return this.#view.list(found).map(({ path }) => path.slice(path.lastIndexOf('/') + 1));
  }

  knownDigest(): undefined {
    return undefined;
  }

  async digest(file: SourceEntry): Promise<string> {
    const hash = createHash('sha256');
    const pace = new Pace();
    for (const chunk of this.chunks(file)) {
      hash.update(chunk);
      if (pace.isDue()) await pace.breathe();
    }
    return hash.digest('hex');
  }

  addTo(writer: LayerWriter, target: Entry, file: SourceEntry): Promise<string> | string {
    const hash = createHash('sha256');
    if (target.size > LARGE_BYTES) {
      return writer.addFrom(target, inTurns(this.chunks(file), hash)).then(() => hash.digest('hex'));
    }
    writer.addChunks(target, hashed(this.chunks(file), hash));
    return hash.digest('hex');
  }

  *chunks({ path }: SourceEntry): Generator<Uint8Array> {
    const found = this.#find(path);
    if (found !== undefined) yield* this.#view.read(found);
  }

  #find(path: string): Found | undefined {
    if (!this.#found.has(path)) this.#found.set(path, this.#look(path));
    return this.#found.get(path);
  }

  /** Links on the way are not followed, as in a directory: nobody asks for a path below one. */
  #look(path: string): Found | undefined {
    const found = this.#view.lookup(path, { followLast: false });
    return found?.path === path ? found : undefined;
  }

  #linkId(inode: object): string {
    let id = this.#inodes.get(inode);
    if (id === undefined) {
      id = String(this.#inodes.size);
      this.#inodes.set(inode, id);
    }
    return id;
  }
}

type Hashing = Readonly<{ update(chunk: Uint8Array): unknown }>;

function* hashed(chunks: Iterable<Uint8Array>, hash: Hashing): Generator<Uint8Array> {
  for (const chunk of chunks) {
    hash.update(chunk);
    yield chunk;
  }
}

async function* inTurns(chunks: Iterable<Uint8Array>, hash: Hashing): AsyncGenerator<Uint8Array> {
  const pace = new Pace();
  // Each chunk is taken before the next is read: their memory is shared, by all files of the view.
  for (const chunk of chunks) {
    const own = Buffer.from(chunk);
    hash.update(own);
    yield own;
    if (pace.isDue()) await pace.breathe();
  }
}
