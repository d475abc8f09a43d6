import type { Care } from './care.js';
import type { ContainerHost } from './container-host.js';

export type AttendantOptions = Readonly<{
  /** What is not done yet is left to what monitors call. */
  signal: AbortSignal;
  /** Told of a container of which somebody else has to see to the end. */
  onFailure: (id: string, error: unknown) => void;
}>;

/** A process that stays, and sees to what comes after the end of containers: their monitors need start no other. */
export class Attendant {
  readonly #host: ContainerHost;
  readonly #options: AttendantOptions;
  readonly #waiting = new Set<Promise<void>>();

  constructor(host: ContainerHost, options: AttendantOptions) {
    this.#host = host;
    this.#options = options;
  }

  /** From now on, of a container that was just started. */
  attend(id: string, care: Care): void {
    const { onFailure, signal } = this.#options;
    const seen: Promise<void> = this.#seeTo(id, care)
      .catch((error: unknown) => {
        if (!signal.aborted) onFailure(id, error);
      })
      .finally(() => this.#waiting.delete(seen));
    this.#waiting.add(seen);
  }

  /** After the signal: when all is left to others. */
  async left(): Promise<void> {
    await Promise.all(this.#waiting);
  }

  async #seeTo(id: string, care: Care): Promise<void> {
    using mine = care;
    const { signal } = this.#options;
    const folder = this.#host.folder(id);
    await mine.toBeDone(() => folder.exitCode() !== undefined, signal);
    if (signal.aborted) return;
    if (mine.isOpen) await this.#host.cleanUp(id, { signal });
    mine.done();
  }
}
