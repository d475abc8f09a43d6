import type { TransferEvent } from '../image/index.js';
import { humanSize } from './image-units.js';
import type { Progress } from './progress.js';
import { shortDigest } from './progress-plain.js';
import { TransferBars } from './transfer-bars.js';

const FRAME_MS = 100;
const OUTCOMES = { sent: 'done', mounted: 'mounted', present: 'already there' } as const;
const ERASE_LINE = '\x1b[2K';

/** A bar for each blob on its way, redrawn below the lines of those that are through. */
export class TerminalProgress implements Progress {
  readonly #stream: NodeJS.WriteStream;
  readonly #bars = new TransferBars();
  #finished: string[] = [];
  /** Lines of bars that stand on the screen. */
  #drawn = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly onTransfer = (event: TransferEvent): void => this.#tell(event);

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  note(text: string): void {
    this.#finished.push(text);
    this.#schedule();
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#bars.clear();
    this.#draw();
  }

  /** The bars of what was given up go. */
  [Symbol.dispose](): void {
    this.clear();
  }

  #tell(event: TransferEvent): void {
    this.#bars.tell(event);
    if (event.kind === 'end') {
      const { digest, size } = event.descriptor;
      this.#finished.push(`${shortDigest(digest)}: ${OUTCOMES[event.outcome]} ${humanSize(size)}`);
    }
    this.#schedule();
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => this.#draw(), FRAME_MS).unref();
  }

  /** One write for a frame, so that nothing flickers. */
  #draw(): void {
    this.#timer = undefined;
    // A terminal may say that it has 0 columns when it does not know.
    const [columns, rows] = [this.#stream.columns || 80, this.#stream.rows || 24];
    const bars = this.#bars.lines().slice(0, Math.max(1, rows - 2));
    const up = this.#drawn > 0 ? `\x1b[${this.#drawn}A` : '';
    const lines = [...this.#finished, ...bars];
    const text = lines.map((line) => `${ERASE_LINE}${line.slice(0, columns - 1)}\n`).join('');
    // Fewer lines than before leave some below.
    const below = lines.length < this.#drawn ? '\x1b[0J' : '';
    if (text !== '' || below !== '') this.#stream.write(`${up}${text}${below}`);
    this.#finished = [];
    this.#drawn = bars.length;
    if (bars.length > 0) this.#schedule();
  }
}
