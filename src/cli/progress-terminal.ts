import type { TransferEvent } from '../image/index.js';
import { humanSize } from './image-units.js';
import type { Progress } from './progress.js';
import { shortDigest } from './progress-plain.js';

const FRAME_MS = 100;
const BAR_WIDTH = 24;
const OUTCOMES = { sent: 'done', mounted: 'mounted', present: 'already there' } as const;
const ERASE_LINE = '\x1b[2K';

type Bar = { readonly label: string; readonly total: number; current: number; readonly since: number };

/** A bar for each blob on its way, redrawn below the lines of those that are through. */
export class TerminalProgress implements Progress {
  readonly #stream: NodeJS.WriteStream;
  readonly #bars = new Map<string, Bar>();
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
    const { digest, size } = event.descriptor;
    if (event.kind === 'begin') this.#bars.set(digest, newBar('sending', digest, size));
    else if (event.kind === 'bytes') this.#advance(digest, event.bytes);
    else if (event.kind === 'compress') {
      if (!this.#bars.has(digest)) this.#bars.set(digest, newBar('compressing', digest, size));
      this.#advance(digest, event.bytes);
    } else {
      this.#bars.delete(digest);
      this.#finished.push(`${shortDigest(digest)}: ${OUTCOMES[event.outcome]} ${humanSize(size)}`);
    }
    this.#schedule();
  }

  #advance(digest: string, bytes: number): void {
    const bar = this.#bars.get(digest);
    if (bar === undefined) return;
    bar.current += bytes;
    if (bar.current >= bar.total && bar.label.startsWith('compressing')) this.#bars.delete(digest);
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => this.#draw(), FRAME_MS).unref();
  }

  /** One write for a frame, so that nothing flickers. */
  #draw(): void {
    this.#timer = undefined;
    // A terminal may say that it has 0 columns when it does not know.
    const [columns, rows] = [this.#stream.columns || 80, this.#stream.rows || 24];
    const bars = [...this.#bars.values()].slice(0, Math.max(1, rows - 2)).map(formatBar);
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

function newBar(label: string, digest: string, total: number): Bar {
  return { label: `${label} ${shortDigest(digest)}`, total, current: 0, since: performance.now() };
}

function formatBar({ label, total, current, since }: Bar): string {
  const share = total === 0 ? 1 : Math.min(1, Math.max(0, current / total));
  const full = Math.round(share * BAR_WIDTH);
  const bar = `${'='.repeat(Math.max(0, full - 1))}${full > 0 ? '>' : ''}`.padEnd(BAR_WIDTH);
  const rate = current / Math.max(0.001, (performance.now() - since) / 1000);
  return `${label} [${bar}] ${humanSize(current)}/${humanSize(total)}  ${humanSize(rate)}/s`;
}
