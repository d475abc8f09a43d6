import type { RunOutcome, RunStep, StepRunner } from '../layer/index.js';
import { overlayChoice } from './overlay-choice.js';

type Runner = StepRunner & AsyncDisposable;

/** Containers for RUN: loaded when the first command has to run, and not before. */
export class LazyRunner implements StepRunner, AsyncDisposable {
  readonly #root: string;
  #runner: Promise<Runner> | undefined;

  constructor(root: string) {
    this.#root = root;
  }

  async run(step: RunStep): Promise<RunOutcome> {
    this.#runner ??= import('../runtime/index.js').then(
      ({ Containers }) => new Containers({ root: this.#root, ...overlayChoice() }),
    );
    return (await this.#runner).run(step);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#runner)?.[Symbol.asyncDispose]();
  }
}
