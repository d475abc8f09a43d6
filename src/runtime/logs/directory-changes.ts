import { type FSWatcher, watch } from 'node:fs';
import { setTimeout } from 'node:timers/promises';

/** Should the kernel tell nothing: it has a limit of watches, and tells nothing of other machines. */
const LOOK_MS = 500;

/** Waits for changes in a directory. */
export class DirectoryChanges implements Disposable {
  readonly #watcher: FSWatcher | undefined;
  #changed = Promise.withResolvers<void>();

  constructor(directory: string) {
    try {
      this.#watcher = watch(directory, () => this.#changed.resolve());
      this.#watcher.on('error', () => this.#changed.resolve());
    } catch {
      // Then only time tells.
    }
  }

  /** Returns after a change since the last call, or after a while, or when one of the signals says so. */
  async next(signals: readonly AbortSignal[], longestMs = LOOK_MS): Promise<void> {
    const done = new AbortController();
    const any = AbortSignal.any([...signals, done.signal]);
    const later = setTimeout(Math.min(longestMs, LOOK_MS), undefined, { signal: any }).catch(() => {});
    await Promise.race([this.#changed.promise, later]);
    done.abort();
    this.#changed = Promise.withResolvers<void>();
  }

  [Symbol.dispose](): void {
    this.#watcher?.close();
  }
}
