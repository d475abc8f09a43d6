import type { TransferEvent } from '../image/index.js';

/** One thing that a build does, as people follow it. Ends with one of the last three. */
export interface StepProgress {
  /** What a command says. */
  output(stream: 'stdout' | 'stderr', chunk: Uint8Array): void;
  /** What is being done, replacing what was said before: `12.3 MB of 40 MB`. */
  status(text: string): void;
  /** What happens to content on its way, from a registry or to one. */
  transfer(event: TransferEvent): void;
  cached(): void;
  done(): void;
  failed(error: unknown): void;
}

/** Who tells people about a build. */
export interface Progress {
  /** @param name `[build 2/4] RUN make`. */
  begin(name: string): StepProgress;
  /** Something that does not stop the build. */
  warn(message: string): void;
}

/** Reports how it ends. */
export async function follow<T>(
  progress: Progress,
  name: string,
  work: (step: StepProgress) => Promise<T>,
): Promise<T> {
  const step = new Once(progress.begin(name));
  try {
    const result = await work(step);
    step.done();
    return result;
  } catch (error) {
    step.failed(error);
    throw error;
  }
}

/** Ends once: what was in the cache is not done again. */
class Once implements StepProgress {
  readonly #step: StepProgress;
  #hasEnded = false;

  constructor(step: StepProgress) {
    this.#step = step;
  }

  output(stream: 'stdout' | 'stderr', chunk: Uint8Array): void {
    this.#step.output(stream, chunk);
  }

  status(text: string): void {
    this.#step.status(text);
  }

  transfer(event: TransferEvent): void {
    this.#step.transfer(event);
  }

  cached(): void {
    this.#end(() => this.#step.cached());
  }

  done(): void {
    this.#end(() => this.#step.done());
  }

  failed(error: unknown): void {
    this.#end(() => this.#step.failed(error));
  }

  #end(report: () => void): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    report();
  }
}
