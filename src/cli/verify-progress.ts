import type { Progress } from '../registry/verify/index.js';
import { readableSize } from './readable-size.js';

const FRAME_MS = 200;
const ERASE_LINE = '\r\x1b[2K';

/** One line on a terminal, redrawn; nothing elsewhere. */
export class VerifyProgress implements Disposable {
  readonly #stream: NodeJS.WriteStream;
  readonly #startedAt = performance.now();
  #drawnAt = 0;
  #firstBytes: number | undefined;
  #drawn = false;

  constructor(stream: NodeJS.WriteStream = process.stderr) {
    this.#stream = stream;
  }

  readonly tell = ({ blobs, bytes, fraction }: Progress): void => {
    // What an earlier pass read says nothing of how fast this one is.
    this.#firstBytes ??= bytes;
    const now = performance.now();
    if (!this.#stream.isTTY || now - this.#drawnAt < FRAME_MS) return;
    this.#drawnAt = now;
    const rate = readableSize(((bytes - this.#firstBytes) / (now - this.#startedAt)) * 1000);
    const text = `${(fraction * 100).toFixed(1)} %: ${blobs} blobs, ${readableSize(bytes)}, ${rate}/s`;
    this.#stream.write(`${ERASE_LINE}${text.slice(0, (this.#stream.columns || 80) - 1)}`);
    this.#drawn = true;
  };

  /** Before other output. */
  clear(): void {
    if (this.#drawn) this.#stream.write(ERASE_LINE);
    this.#drawn = false;
  }

  [Symbol.dispose](): void {
    this.clear();
  }
}
