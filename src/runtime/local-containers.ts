import type { LayerStack, RunOutcome, RunStep, Snapshots, StepRunner } from '../layer/index.js';
import { imagesInUse } from './container/images-in-use.js';
import { type Machine, type MachineOptions, openMachine } from './machine.js';
import { LocalStepRunner } from './step-runner.js';
import { removeTree } from './work-folder.js';

/** What a process offers that makes containers, here or in a user namespace. */
export interface ContainerMaker extends StepRunner, Snapshots, AsyncDisposable {
  /** Removes trees that containers have written to, such as directories of cache mounts. */
  discard(paths: readonly string[]): Promise<void>;
  /**
   * Removes the snapshots of all stacks but these, and those of containers.
   * @param keep chain ids. @returns `false`, with nothing done, while another process uses snapshots.
   */
  pruneSnapshots(keep: readonly string[]): Promise<boolean>;
}

/** Containers made by this process, which is root of the machine or of a user namespace. */
export class LocalContainers implements ContainerMaker {
  readonly #machine: Machine;
  readonly #root: string;
  readonly #runner: LocalStepRunner;
  readonly #underWay = new Set<Promise<unknown>>();
  /** Those that nobody may have disposed of. */
  readonly #failed = new AsyncDisposableStack();

  static async open(options: MachineOptions): Promise<LocalContainers> {
    return new LocalContainers(await openMachine(options), options.root);
  }

  private constructor(machine: Machine, root: string) {
    this.#machine = machine;
    this.#root = root;
    this.#runner = new LocalStepRunner(machine);
  }

  async run(step: RunStep): Promise<RunOutcome> {
    const outcome = await this.#tracked(this.#runner.run(step));
    if (!outcome.layer && outcome.failed) this.#failed.use(outcome.failed);
    return outcome;
  }

  ensure(stack: LayerStack, options: { signal?: AbortSignal } = {}): Promise<readonly string[]> {
    return this.#tracked(this.#machine.snapshots.ensure(stack, options));
  }

  async discard(paths: readonly string[]): Promise<void> {
    for (const path of paths) removeTree(path);
  }

  async pruneSnapshots(keep: readonly string[]): Promise<boolean> {
    if (this.#underWay.size > 0) return false;
    return this.#machine.users.whileAlone(() => {
      // Looked up while nobody can start one: afterwards it would be too late for what that needs.
      const used = imagesInUse(this.#root).flatMap(({ chainIDs }) => chainIDs);
      this.#machine.snapshots.removeAllBut(new Set([...keep, ...used]));
    });
  }

  /** When what is under way has ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#underWay);
    await this.#failed.disposeAsync();
    this.#machine[Symbol.dispose]();
  }

  #tracked<T>(work: Promise<T>): Promise<T> {
    this.#underWay.add(work);
    work.finally(() => this.#underWay.delete(work)).catch(() => {});
    return work;
  }
}
