import type { LayerStack, RunOutcome, RunStep } from '../layer/index.js';
import { type ContainerMaker, LocalContainers } from './local-containers.js';
import { RemoteContainers, type RemoteOptions } from './remote-containers.js';

/** `worker` is the command that starts user-namespace-worker.ts, where that is not the one of the bundle. */
export type ContainersOptions = RemoteOptions;

/**
 * Containers of this machine: root makes them, for others a process in a user namespace does. Nothing is looked at,
 * made or started before it is needed.
 */
export class Containers implements ContainerMaker {
  readonly #options: ContainersOptions;
  #maker: Promise<ContainerMaker> | undefined;

  constructor(options: ContainersOptions) {
    this.#options = options;
  }

  async run(step: RunStep): Promise<RunOutcome> {
    return (await this.#open()).run(step);
  }

  async ensure(stack: LayerStack, options: { signal?: AbortSignal } = {}): Promise<readonly string[]> {
    return (await this.#open()).ensure(stack, options);
  }

  async discard(paths: readonly string[]): Promise<void> {
    await (await this.#open()).discard(paths);
  }

  async pruneSnapshots(keep: readonly string[]): Promise<boolean> {
    return (await this.#open()).pruneSnapshots(keep);
  }

  /** Waits for what is under way. Then nothing is left but snapshots, and what somebody has moved away. */
  async [Symbol.asyncDispose](): Promise<void> {
    const opened = this.#maker;
    this.#maker = undefined;
    const maker = await opened?.catch(() => undefined);
    await maker?.[Symbol.asyncDispose]();
  }

  #open(): Promise<ContainerMaker> {
    const isRoot = process.getuid?.() === 0;
    this.#maker ??= isRoot ? LocalContainers.open(this.#options) : RemoteContainers.start(this.#options);
    return this.#maker;
  }
}
