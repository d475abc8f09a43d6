import type { FailedContainer, RunLayer, RunOutcome, RunStep, StepRunner } from '../layer/index.js';
import { diffUpper, LayerWriter } from '../layer/index.js';
import { marksOf } from './overlay.js';
import { type ContainerParts, StepContainer } from './step-container.js';

/** Runs steps in this process, which is root of the machine or of a user namespace. */
export class LocalStepRunner implements StepRunner {
  readonly #parts: ContainerParts;

  constructor(parts: ContainerParts) {
    this.#parts = parts;
  }

  async run(step: RunStep): Promise<RunOutcome> {
    step.signal.throwIfAborted();
    const container = await StepContainer.create(step, this.#parts);
    await using resources = new AsyncDisposableStack();
    resources.use(container);
    const exitCode = await container.run(step.signal, step.onOutput);
    if (exitCode === 0) return { exitCode, layer: await this.#keep(container, step) };
    if (!step.keepFailed) return { exitCode };
    return { exitCode, failed: failedContainer(container, resources.move(), step.signal) };
  }

  async #keep(container: StepContainer, { stack }: RunStep): Promise<RunLayer> {
    const upper = container.unmount();
    const path = this.#parts.work.newPath();
    const writer = LayerWriter.create(path);
    try {
      const marks = marksOf(this.#parts.overlay);
      await diffUpper({ upper, lowers: container.lowers.toReversed(), ...marks }, writer);
    } catch (error) {
      writer.abort();
      throw error;
    }
    const { diffID, size } = await writer.finish();
    this.#parts.snapshots.adopt(upper, stack, diffID);
    return { diffID, size, path };
  }
}

function failedContainer(
  container: StepContainer,
  resources: AsyncDisposableStack,
  signal: AbortSignal,
): FailedContainer {
  return {
    async shell() {
      await container.shell(signal);
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
