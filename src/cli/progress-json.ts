import type { OnTransfer, TransferEvent } from '../image/index.js';
import type { Progress } from './progress.js';

/** How often the bytes of one blob are told. */
const INTERVAL_MS = 200;

/** An event as programs are told of it. */
type ToldTransfer = Readonly<{
  event: TransferEvent['kind'];
  digest: string;
  total: number;
  mediaType?: string;
  current?: number;
  outcome?: string;
}>;

/** A line of JSON for each event, for programs. */
export class JsonProgress implements Progress {
  readonly #stream: NodeJS.WritableStream;
  readonly onTransfer = tellTransfers((event) => this.#write(event));

  constructor(stream: NodeJS.WritableStream) {
    this.#stream = stream;
  }

  note(message: string): void {
    this.#write({ event: 'note', message });
  }

  clear(): void {}

  [Symbol.dispose](): void {}

  #write(value: object): void {
    this.#stream.write(`${JSON.stringify(value)}\n`);
  }
}

/** Tells of events, but not of every few bytes. */
export function tellTransfers(tell: (event: ToldTransfer) => void): OnTransfer {
  const blobs = new Map<string, { current: number; told: number }>();
  return (event) => {
    const { kind, descriptor } = event;
    const { digest, size: total, mediaType } = descriptor;
    const told = { event: kind, digest, total };
    if (kind === 'begin') tell({ ...told, mediaType });
    else if (kind === 'end') tell({ ...told, outcome: event.outcome });
    else {
      const key = `${kind} ${digest}`;
      const blob = blobs.get(key) ?? { current: 0, told: 0 };
      blob.current += event.bytes;
      blobs.set(key, blob);
      if (performance.now() - blob.told < INTERVAL_MS) return;
      blob.told = performance.now();
      tell({ ...told, current: blob.current });
    }
  };
}
