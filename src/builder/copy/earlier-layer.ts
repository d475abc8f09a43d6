import { hash } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { type Entry, FileWindow, type LayerFile } from '../../layer/index.js';

/** Opening a larger file is a small part of reading it. */
const MAX_FILE_BYTES = 64 * 1024;
const WINDOW_BYTES = 1024 * 1024;

/**
 * The layer that the same step made of its sources as they were before. Most files are in it still, and one file is read
 * in order sooner than thousands are opened. Nothing in it is trusted: what is taken has the digest that was asked for.
 */
export class EarlierLayer implements Disposable {
  readonly #fd: number;
  readonly #window: FileWindow;
  readonly #offsets = new Map<string, number>();

  private constructor(fd: number, { index }: LayerFile) {
    this.#fd = fd;
    this.#window = new FileWindow(fd, WINDOW_BYTES);
    for (const { entry, offset, sparse } of index.entries) {
      if (entry.type === 'file' && sparse === undefined) this.#offsets.set(entry.path, offset);
    }
  }

  /** @returns `undefined` when it was removed meanwhile. */
  static open(layer: LayerFile): EarlierLayer | undefined {
    try {
      return new EarlierLayer(openSync(layer.path, 'r'), layer);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** The content of a small file, if it is that of the same path, and has this digest. */
  find({ path, size }: Entry, digest: string): Uint8Array | undefined {
    const offset = size > MAX_FILE_BYTES ? undefined : this.#offsets.get(path);
    if (offset === undefined) return undefined;
    const content = this.#window.takeAt(offset, size);
    return hash('sha256', content) === digest ? content : undefined;
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}
