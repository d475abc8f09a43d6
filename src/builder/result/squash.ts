import { type Found, type LayerWriter, Pace, type RootfsView, whiteoutOf } from '../../layer/index.js';
import type { ImageState } from '../image-state.js';
import { builtLayer } from '../layer.js';
import type { Layers } from '../layers.js';

/** Puts all that a build has added to its base image into one layer. */
export async function squash(state: ImageState, layers: Layers, created: string): Promise<void> {
  const base = state.layers.filter(({ isBase }) => isBase);
  if (base.length === state.layers.length) return;
  const below = await layers.view(base);
  const view = await layers.view(state.layers);
  using writer = layers.createWriter();
  await new Difference(view, writer).write(below.lookup(''), view.lookup(''));
  const { diffID, size, index } = await writer.finish();
  layers.keep(writer.path, { diffID, size, index });
  state.squash(base, builtLayer(diffID, size), created);
}

/** What makes one tree out of another. Views that were made of each other share what they have in common. */
class Difference {
  readonly #view: RootfsView;
  readonly #writer: LayerWriter;
  readonly #firstNames = new Map<unknown, string>();
  readonly #pace = new Pace();

  constructor(view: RootfsView, writer: LayerWriter) {
    this.#view = view;
    this.#writer = writer;
  }

  async write(below: Found | undefined, above: Found | undefined): Promise<void> {
    if (above === undefined || below?.node === above.node) return;
    const old = new Map(
      below === undefined ? [] : this.#view.list(below).map((found) => [found.path, found]),
    );
    for (const found of this.#view.list(above)) {
      const before = old.get(found.path);
      old.delete(found.path);
      await this.#writeEntry(before, found);
      if (this.#pace.isDue()) await this.#pace.breathe();
    }
    for (const path of old.keys()) this.#writer.add(whiteout(path));
  }

  async #writeEntry(before: Found | undefined, found: Found): Promise<void> {
    if (before?.node === found.node || (before?.inode === found.inode && found.entry.type !== 'directory'))
      return;
    const { entry, inode } = found;
    const first = entry.type === 'file' ? this.#firstNames.get(inode) : undefined;
    if (first !== undefined) this.#writer.add({ ...entry, type: 'hardlink', size: 0, linkName: first });
    else if (entry.type === 'file') await this.#writer.addFrom(entry, copies(this.#view.read(found)));
    else this.#writer.add(entry);
    if (first === undefined) this.#firstNames.set(inode, entry.path);
    if (entry.type === 'directory') {
      await this.write(before?.entry.type === 'directory' ? before : undefined, found);
    }
  }
}

async function* copies(chunks: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield Buffer.from(chunk);
}

function whiteout(path: string) {
  return { path: whiteoutOf(path), type: 'file', mode: 0, uid: 0, gid: 0, size: 0, mtime: 0 } as const;
}
