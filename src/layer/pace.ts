import { setImmediate } from 'node:timers/promises';

const SLICE_MS = 20;

/** Lets timers, sockets and children have their turn. */
function breathe(): Promise<void> {
  return setImmediate();
}

/**
 * For long work with synchronous calls: `if (pace.isDue()) await pace.breathe();` after each small piece of it.
 * Synchronous file calls are three times as fast as asynchronous ones on small files.
 */
export class Pace {
  readonly #sliceMs: number;
  #sliceStart = performance.now();

  constructor({ sliceMs = SLICE_MS }: { sliceMs?: number } = {}) {
    this.#sliceMs = sliceMs;
  }

  isDue(): boolean {
    return performance.now() - this.#sliceStart >= this.#sliceMs;
  }

  async breathe(): Promise<void> {
    await breathe();
    this.#sliceStart = performance.now();
  }
}
