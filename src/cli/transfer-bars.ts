import type { TransferEvent } from '../image/index.js';
import { humanSize } from './image-units.js';
import { shortDigest } from './progress-plain.js';

const BAR_WIDTH = 24;
const COMPRESSING = 'compressing ';

type Bar = { readonly label: string; readonly total: number; current: number; readonly since: number };

/** A bar for each blob on its way. */
export class TransferBars {
  readonly #bars = new Map<string, Bar>();

  tell(event: TransferEvent): void {
    const { digest, size } = event.descriptor;
    if (event.kind === 'begin') this.#bars.set(digest, newBar(shortDigest(digest), size));
    else if (event.kind === 'end') this.#bars.delete(digest);
    else {
      if (event.kind === 'compress' && !this.#bars.has(digest))
        this.#bars.set(digest, newBar(`${COMPRESSING}${shortDigest(digest)}`, size));
      this.#advance(digest, event.bytes);
    }
  }

  clear(): void {
    this.#bars.clear();
  }

  lines(): string[] {
    return [...this.#bars.values()].map(formatBar);
  }

  #advance(digest: string, bytes: number): void {
    const bar = this.#bars.get(digest);
    if (bar === undefined) return;
    bar.current += bytes;
    if (bar.current >= bar.total && bar.label.startsWith(COMPRESSING)) this.#bars.delete(digest);
  }
}

function newBar(label: string, total: number): Bar {
  return { label, total, current: 0, since: performance.now() };
}

function formatBar({ label, total, current, since }: Bar): string {
  const share = total === 0 ? 1 : Math.min(1, Math.max(0, current / total));
  const full = Math.round(share * BAR_WIDTH);
  const bar = `${'='.repeat(Math.max(0, full - 1))}${full > 0 ? '>' : ''}`.padEnd(BAR_WIDTH);
  const rate = current / Math.max(0.001, (performance.now() - since) / 1000);
  return `${label} [${bar}] ${humanSize(current)}/${humanSize(total)}  ${humanSize(rate)}/s`;
}
