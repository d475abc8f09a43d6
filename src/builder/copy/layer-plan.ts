import {
  compareNames,
  type Entry,
  joinPath,
  type LayerWriter,
  Pace,
  type RootfsView,
  splitPath,
} from '../../layer/index.js';
import type { SourceEntry, SourceTree } from '../context/source-tree.js';
import { BuildError } from '../errors.js';
import type { EarlierLayer } from './earlier-layer.js';
import type { Owner } from './users.js';

/** Where the bytes of a file come from. */
export type Content = Readonly<{ tree: SourceTree; file: SourceEntry }>;
/** `linkId`: entries that have the same one are names of one file. */
export type Planned = Readonly<{ entry: Entry; content?: Content; linkId?: string }>;
type WriteOptions = Readonly<{
  onDigest?: (content: Content, digest: string) => void;
  earlier?: EarlierLayer;
}>;
export type NewDirectory = Owner & Readonly<{ mtime: number; mode?: number }>;

const MAX_LINKS = 40;

/**
 * A layer that is to be written on top of a root filesystem, as a set of entries. Paths have no leading slash. Nothing
 * is read from the sources before {@link write}.
 */
export class LayerPlan {
  readonly #view: RootfsView;
  readonly #planned = new Map<string, Planned>();
  /** Directories of this plan that the root filesystem does not have. */
  readonly #fresh = new Set<string>();

  constructor(view: RootfsView) {
    this.#view = view;
  }

  get size(): number {
    return this.#planned.size;
  }

  /** What will be at a path whose parents are no links; a link itself is not followed. */
  find(path: string): Entry | undefined {
    const planned = this.#planned.get(path);
    if (planned !== undefined) return planned.entry;
    if (path === '') return this.#view.lookup('')?.entry;
    if (this.#fresh.has(splitPath(path).parent)) return undefined;
    const found = this.#view.lookup(path, { followLast: false });
    return found?.path === path ? found.entry : undefined;
  }

  /**
   * Follows the symbolic links of a path inside the root filesystem; what is not there stays as it is.
   * @throws {BuildError} links in circles, or a way through something that is no directory.
   */
  resolve(path: string): string {
    const todo = path.split('/').reverse();
    const at: string[] = [];
    let links = 0;
    while (todo.length > 0) {
      const part = todo.pop() ?? '';
      if (part === '' || part === '.') continue;
      if (part === '..') {
        at.pop();
        continue;
      }
      const entry = this.find([...at, part].join('/'));
      if (entry?.type !== 'symlink') {
        if (entry !== undefined && entry.type !== 'directory' && todo.some((rest) => rest !== '')) {
          throw new BuildError(`/${entry.path} is not a directory, so nothing can be put into it`);
        }
        at.push(part);
        continue;
      }
      links += 1;
      if (links > MAX_LINKS) throw new BuildError(`too many symbolic links on the way to /${path}`);
      if (entry.linkName?.startsWith('/')) at.length = 0;
      todo.push(...(entry.linkName ?? '').split('/').reverse());
    }
    return at.join('/');
  }

  /** Makes a directory, and those above it, where there is none. @param path resolved. */
  makeDirectory(path: string, attributes: NewDirectory): void {
    if (path === '') return;
    const entry = this.find(path);
    if (entry?.type === 'directory') return;
    if (entry !== undefined) throw new BuildError(`/${path} is there already, and is no directory`);
    this.makeDirectory(splitPath(path).parent, attributes);
    const { uid, gid, mtime, mode = 0o755 } = attributes;
    this.put({ entry: { path, type: 'directory', mode, uid, gid, size: 0, mtime } });
  }

  /**
   * Puts an entry where its path says, whose parents are there.
   * @throws {BuildError} a directory would take the place of something else, or the other way round.
   */
  put(planned: Planned): void {
    const { path, type } = planned.entry;
    const old = this.find(path);
    if (old !== undefined && type === 'directory' && old.type !== 'directory') {
      throw new BuildError(`cannot copy a directory to /${path}: ${nounOf(old)} is there already`);
    }
    if (old?.type === 'directory' && type !== 'directory') {
      throw new BuildError(`cannot copy ${nounOf(planned.entry)} to /${path}: a directory is there already`);
    }
    if (old === undefined && type === 'directory') this.#fresh.add(path);
    this.#planned.set(path, planned);
  }

  /** The same, whatever is there already: what was in a directory that becomes something else goes with it. */
  replace(planned: Planned): void {
    const { path, type } = planned.entry;
    const old = this.find(path);
    if (old?.type === 'directory' && type !== 'directory') this.#dropBelow(path);
    if (old?.type !== 'directory' && type === 'directory') this.#fresh.add(path);
    this.#planned.set(path, planned);
  }

  /**
   * Writes all entries, sorted, each file read once. Directories above them are written as they are: whoever unpacks
   * the layer by itself gives them their right modes.
   * @param options `onDigest`: told the digest of the content of each file as it was read; `earlier`: where files that
   * are known may be found sooner.
   */
  async write(writer: LayerWriter, { onDigest, earlier }: WriteOptions = {}): Promise<void> {
    const pace = new Pace();
    const firstNames = new Map<string, string>();
    for (const path of this.#sortedPaths()) {
      const planned = this.#planned.get(path);
      const entry = planned?.entry ?? this.find(path);
      if (entry === undefined) continue;
      const { content, linkId } = planned ?? {};
      const first = linkId === undefined ? undefined : firstNames.get(linkId);
      if (first !== undefined) writer.add({ ...entry, type: 'hardlink', size: 0, linkName: first });
      else if (content === undefined) writer.add(entry);
      else {
        const digest =
          addKnown(writer, entry, content, earlier) ?? content.tree.addTo(writer, entry, content.file);
        onDigest?.(content, typeof digest === 'string' ? digest : await digest);
      }
      if (linkId !== undefined && first === undefined) firstNames.set(linkId, path);
      if (pace.isDue()) await pace.breathe();
    }
  }

  #dropBelow(directory: string): void {
    for (const path of this.#planned.keys()) if (path.startsWith(`${directory}/`)) this.#planned.delete(path);
  }

  #sortedPaths(): string[] {
    const paths = new Set(this.#planned.keys());
    for (const path of this.#planned.keys()) {
      for (
        let { parent } = splitPath(path);
        parent !== '' && !paths.has(parent);
        parent = splitPath(parent).parent
      ) {
        paths.add(parent);
      }
    }
    return [...paths].sort(compareNames);
  }
}

function addKnown(
  writer: LayerWriter,
  entry: Entry,
  { tree, file }: Content,
  earlier: EarlierLayer | undefined,
): string | undefined {
  const digest = earlier && tree.knownDigest(file);
  const bytes = digest === undefined ? undefined : earlier?.find(entry, digest);
  if (bytes === undefined) return undefined;
  writer.add(entry, bytes);
  return digest;
}

export function below(directory: string, path: string): string {
  return path === '' ? directory : joinPath(directory, path);
}

function nounOf({ type }: Entry): string {
  return type === 'file' ? 'a file' : type === 'symlink' ? 'a symbolic link' : `a ${type}`;
}
