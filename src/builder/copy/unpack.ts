import { createWriteStream, openSync, rmSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { decompress, joinPath, LayerIndex, Pace, Room, RootfsView } from '../../layer/index.js';
import { readStart, type SourceEntry, type SourceTree } from '../context/source-tree.js';
import { ViewTree } from '../context/view-tree.js';
import type { LayerPlan } from './layer-plan.js';
import type { Listed } from './listing.js';
import type { Placement } from './place.js';

type Options = Placement &
  Readonly<{
    isOn: boolean;
    /** Whether {@link Placement.owner} was asked for: else each file of an archive keeps its own. */
    chown: boolean;
    temporaryPath: () => string;
  }>;

/** What is no archive, and what must stay until the layer is written. */
export type Unpacked = AsyncDisposable & Readonly<{ rest: readonly Listed[] }>;

/** Puts what is in the archives among the sources into the destination, which becomes a directory. As ADD does. */
export async function unpackInto(
  plan: LayerPlan,
  listing: readonly Listed[],
  options: Options,
): Promise<Unpacked> {
  const rest: Listed[] = [];
  const archives: Archive[] = [];
  const close = () => {
    for (const archive of archives) archive.close();
  };
  try {
    for (const listed of listing) {
      const { tree, entry } = listed.picked;
      const archive =
        options.isOn && entry.type === 'file'
          ? await Archive.find(tree, entry, options.temporaryPath())
          : undefined;
      if (archive === undefined) {
        rest.push(listed);
        continue;
      }
      archives.push(archive);
      archive.placeInto(plan, options);
    }
  } catch (error) {
    close();
    throw error;
  }
  return { rest, [Symbol.asyncDispose]: async () => close() };
}

const BLOCK_BYTES = 512;
const HEAD_BYTES = 64 * 1024;

/** An archive as an uncompressed tar beside its list of contents. */
class Archive {
  readonly #path: string;
  readonly #index: LayerIndex;
  readonly #view: RootfsView;

  private constructor(path: string, index: LayerIndex) {
    this.#path = path;
    this.#index = index;
    this.#view = RootfsView.of([{ index, path }]);
  }

  /** @returns undefined when the file is no tar, compressed or not. */
  static async find(tree: SourceTree, file: SourceEntry, path: string): Promise<Archive | undefined> {
    if (!(await startsAsTar(tree, file))) return undefined;
    try {
      const output = createWriteStream(path, { fd: openSync(path, 'wx', 0o600) });
      const content = decompress(inTurns(tree, file));
      await pipeline(new Room(path).hold(content, `what is in ${JSON.stringify(file.path)}`), output);
      return new Archive(path, await LayerIndex.scan(path));
    } catch (error) {
      rmSync(path, { force: true });
      throw error;
    }
  }

  placeInto(plan: LayerPlan, { destination, owner, changeMode, mtime, chown }: Options): void {
    const target = plan.resolve(destination);
    plan.makeDirectory(target, { uid: 0, gid: 0, ...(chown && owner), mtime });
    const tree = new ViewTree('archive', this.#view);
    const stated = new Set(this.#index.entries.map(({ entry }) => entry.path));
    const visit = (directory: string, real: string) => {
      for (const name of tree.names(directory)) {
        const path = joinPath(directory, name);
        const entry = tree.entry(path);
        if (entry === undefined) continue;
        let at = joinPath(real, name);
        if (entry.type === 'directory' && !stated.has(path)) {
          // The archive only says what is in it: it may be a link to a directory in the image.
          at = plan.resolve(at);
          plan.makeDirectory(at, { uid: 0, gid: 0, mtime });
        } else {
          const { linkId, ...attributes } = entry;
          const mode =
            changeMode && entry.type !== 'symlink'
              ? changeMode(entry.mode, { directory: entry.type === 'directory' })
              : entry.mode;
          const planned = { ...attributes, ...(chown && owner), path: at, mode };
          plan.replace({
            entry: planned,
            ...(entry.type === 'file' && { content: { tree, file: entry } }),
            ...(linkId !== undefined && { linkId: `archive:${this.#path}:${linkId}` }),
          });
        }
        if (entry.type === 'directory') visit(path, at);
      }
    };
    visit('', target);
  }

  close(): void {
    this.#view[Symbol.dispose]();
    rmSync(this.#path, { force: true });
  }
}

async function startsAsTar(tree: SourceTree, file: SourceEntry): Promise<boolean> {
  const start = readStart(tree, file, HEAD_BYTES);
  const head = await firstBlock(start);
  return head !== undefined && isTarHeader(head);
}

/** The first block of what may be compressed. Its end is cut off here, which decompressors complain of. */
async function firstBlock(start: Buffer): Promise<Buffer | undefined> {
  if (isTarHeader(start.subarray(0, BLOCK_BYTES))) return start.subarray(0, BLOCK_BYTES);
  const parts: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of decompress(once(start))) {
      parts.push(Buffer.from(chunk));
      size += chunk.byteLength;
      if (size >= BLOCK_BYTES) break;
    }
  } catch {
    // cut off, or no compressed data at all
  }
  return size >= BLOCK_BYTES ? Buffer.concat(parts).subarray(0, BLOCK_BYTES) : undefined;
}

async function* once(bytes: Buffer): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function* inTurns(tree: SourceTree, file: SourceEntry): AsyncGenerator<Uint8Array> {
  const pace = new Pace();
  for (const chunk of tree.chunks(file)) {
    yield Buffer.from(chunk);
    if (pace.isDue()) await pace.breathe();
  }
}

const CHECKSUM_START = 148;
const CHECKSUM_END = 156;

/** Any tar has a sum of its header's bytes in it, even those that are older than `ustar`. */
function isTarHeader(block: Buffer): boolean {
  if (block.length < BLOCK_BYTES || block.every((byte) => byte === 0)) return false;
  const stated = Number.parseInt(
    block
      .toString('latin1', CHECKSUM_START, CHECKSUM_END)
      .replace(/[\0 ]+$/, '')
      .trim(),
    8,
  );
  let sum = 0;
  for (const [i, byte] of block.entries()) sum += i >= CHECKSUM_START && i < CHECKSUM_END ? 32 : byte;
  return sum === stated;
}
