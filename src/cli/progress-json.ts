import type { TransferEvent } from '../image/index.js';
import type { Progress } from './progress.js';

/** How often the bytes of one blob are told. */
const INTERVAL_MS = 200;

/** A line of JSON for each event, for programs. */
export class JsonProgress implements Progress {
  readonly #stream: NodeJS.WritableStream;
  readonly #blobs = new Map<string, { current: number; told: number }>();
  readonly onTransfer = (event: TransferEvent): void => this.#tell(event);

  constructor(stream: NodeJS.WritableStream) {
    this.#stream = stream;
  }

  note(message: string): void {
    this.#write({ event: 'note', message });
  }

  clear(): void {}

  [Symbol.dispose](): void {}

  #tell(event: TransferEvent): void {
    const { digest, size, mediaType } = event.descriptor;
    if (event.kind === 'begin') this.#write({ event: 'begin', digest, mediaType, total: size });
    else if (event.kind === 'end') this.#write({ event: 'end', digest, total: size, outcome: event.outcome });
    else this.#count(event.kind, digest, size, event.bytes);
  }

  #count(event: 'bytes' | 'compress', digest: string, total: number, bytes: number): void {
    const key = `${event} ${digest}`;
    const blob = this.#blobs.get(key) ?? { current: 0, told: 0 };
    blob.current += bytes;
    this.#blobs.set(key, blob);
    if (performance.now() - blob.told < INTERVAL_MS) return;
    blob.told = performance.now();
    this.#write({ event, digest, current: blob.current, total });
  }

  #write(value: object): void {
    this.#stream.write(`${JSON.stringify(value)}\n`);
  }
}
