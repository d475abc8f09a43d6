/** Clients that have attached to containers which do not run yet. */
export class Attachments {
  readonly #waiting = new Map<string, Set<() => Promise<void>>>();

  /** @param open called when the container can be attached to, and was not started yet. Dispose of it at the end. */
  add(id: string, open: () => Promise<void>): Disposable {
    const waiting = this.#waiting.get(id) ?? new Set();
    this.#waiting.set(id, waiting.add(open));
    return { [Symbol.dispose]: () => this.#remove(id, open) };
  }

  /** Resolves when all of them are attached. */
  async openAll(id: string): Promise<void> {
    const waiting = [...(this.#waiting.get(id) ?? [])];
    this.#waiting.delete(id);
    await Promise.all(waiting.map((open) => open()));
  }

  #remove(id: string, open: () => Promise<void>): void {
    const waiting = this.#waiting.get(id);
    waiting?.delete(open);
    if (waiting?.size === 0) this.#waiting.delete(id);
  }
}
