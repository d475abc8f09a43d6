import type { TransferEvent } from '../image/index.js';
import { humanSize } from './image-units.js';
import type { Progress } from './progress.js';

const OUTCOMES = { sent: 'done', mounted: 'mounted', present: 'already there' } as const;

/** A line for each blob that is through, for logs. */
export class PlainProgress implements Progress {
  readonly #stream: Readonly<{ write(text: string): unknown }>;
  readonly #compressing = new Set<string>();
  readonly onTransfer = (event: TransferEvent): void => this.#tell(event);

  constructor(stream: Readonly<{ write(text: string): unknown }>) {
    this.#stream = stream;
  }

  note(text: string): void {
    this.#stream.write(`${text}\n`);
  }

  clear(): void {}

  [Symbol.dispose](): void {}

  #tell(event: TransferEvent): void {
    const { digest, size } = event.descriptor;
    if (event.kind === 'compress' && !this.#compressing.has(digest)) {
      this.#compressing.add(digest);
      this.note(`${shortDigest(digest)}  ${humanSize(size)}  compressing`);
    }
    if (event.kind === 'end')
      this.note(`${shortDigest(digest)}  ${humanSize(size)}  ${OUTCOMES[event.outcome]}`);
  }
}

/** As docker shows layers. */
export function shortDigest(digest: string): string {
  return digest.slice(digest.indexOf(':') + 1, digest.indexOf(':') + 13);
}
