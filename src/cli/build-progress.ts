import type { Progress, StepProgress } from '../builder/index.js';
import { printable } from './printable.js';
import { tellTransfers } from './progress-json.js';
import { PlainProgress } from './progress-plain.js';

/** Progress that is written somewhere. Disposing ends what is still drawn. */
export interface BuildProgress extends Progress, Disposable {
  /** Nothing is written until what this gives is disposed of; then all that happened meanwhile. */
  pause(): Disposable;
}

type Writer = Readonly<{ write(text: string): unknown }>;

/** A stream that can be held back. */
export class PausableWriter {
  readonly #stream: Writer;
  #held: string[] | undefined;

  constructor(stream: Writer) {
    this.#stream = stream;
  }

  get isPaused(): boolean {
    return this.#held !== undefined;
  }

  write(text: string): void {
    if (this.#held === undefined) this.#stream.write(text);
    else this.#held.push(text);
  }

  pause(): Disposable {
    this.#held ??= [];
    return { [Symbol.dispose]: () => this.#resume() };
  }

  #resume(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const text of held) this.#stream.write(text);
  }
}

/** As `docker build --progress=plain`: each line begins with the number of its step. */
export class PlainBuildProgress implements BuildProgress {
  readonly #stream: PausableWriter;
  #last = 0;
  #shown = 0;

  constructor(stream: Writer) {
    this.#stream = new PausableWriter(stream);
  }

  begin(name: string): StepProgress {
    this.#last += 1;
    const number = this.#last;
    const started = performance.now();
    const seconds = () => ((performance.now() - started) / 1000).toFixed(1);
    const line = (text: string) => this.#line(number, text);
    const end = (text: string) => {
      line(text);
      this.#stream.write('\n');
      this.#shown = 0;
    };
    const rest = { stdout: '', stderr: '' };
    const transfers = new PlainProgress({ write: (text) => line(text.trimEnd()) });
    line(oneLine(name));
    return {
      output: (stream, chunk) => {
        const lines = (rest[stream] + Buffer.from(chunk).toString('utf8')).split('\n');
        rest[stream] = lines.pop() ?? '';
        for (const text of lines) line(`${((performance.now() - started) / 1000).toFixed(3)} ${text}`);
      },
      status: () => {},
      transfer: transfers.onTransfer,
      cached: () => end('CACHED'),
      done: () => {
        for (const text of [rest.stdout, rest.stderr]) if (text !== '') line(`${seconds()} ${text}`);
        end(`DONE ${seconds()}s`);
      },
      failed: (error) => {
        for (const text of [rest.stdout, rest.stderr]) if (text !== '') line(`${seconds()} ${text}`);
        end(`ERROR: ${printable(error instanceof Error ? error.message : String(error))}`);
      },
    };
  }

  warn(message: string): void {
    this.#stream.write(`warning: ${printable(message)}\n`);
  }

  pause(): Disposable {
    return this.#stream.pause();
  }

  [Symbol.dispose](): void {}

  /** Says whose line it is when another step spoke last. */
  #line(number: number, text: string): void {
    if (this.#shown !== 0 && this.#shown !== number) this.#stream.write('\n');
    this.#shown = number;
    this.#stream.write(`#${number} ${text}\n`);
  }
}

/** One JSON object for each event. */
export class JsonBuildProgress implements BuildProgress {
  readonly #stream: PausableWriter;
  #last = 0;

  constructor(stream: Writer) {
    this.#stream = new PausableWriter(stream);
  }

  begin(name: string): StepProgress {
    this.#last += 1;
    const id = this.#last;
    const tell = (event: object) => this.#write({ id, ...event });
    tell({ event: 'begin', name });
    return {
      output: (stream, chunk) => tell({ event: 'output', stream, text: Buffer.from(chunk).toString('utf8') }),
      status: (text) => tell({ event: 'status', text }),
      transfer: tellTransfers(({ event, ...rest }) => tell({ event: 'transfer', kind: event, ...rest })),
      cached: () => tell({ event: 'cached' }),
      done: () => tell({ event: 'done' }),
      failed: (error) =>
        tell({ event: 'failed', message: error instanceof Error ? error.message : String(error) }),
    };
  }

  warn(message: string): void {
    this.#write({ event: 'warning', message });
  }

  pause(): Disposable {
    return this.#stream.pause();
  }

  [Symbol.dispose](): void {}

  #write(event: object): void {
    this.#stream.write(`${JSON.stringify({ time: new Date().toISOString(), ...event })}\n`);
  }
}

const SILENT_STEP: StepProgress = {
  output: () => {},
  status: () => {},
  transfer: () => {},
  cached: () => {},
  done: () => {},
  failed: () => {},
};

export const QUIET_BUILD_PROGRESS: BuildProgress = {
  begin: () => SILENT_STEP,
  warn: () => {},
  pause: () => ({ [Symbol.dispose]: () => {} }),
  [Symbol.dispose]: () => {},
};

/** Names of steps with here-documents or continued lines are long. */
export function oneLine(name: string): string {
  const text = printable(name.replace(/\s+/g, ' ').trim());
  return text.length > 500 ? `${text.slice(0, 500)}…` : text;
}
