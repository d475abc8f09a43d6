import { closeSync, openSync } from 'node:fs';
import { flock, tryFlock } from '../linux/index.js';

/** Processes that use snapshots share a lock: who wants to remove some must be alone. */
export class SnapshotUsers implements Disposable {
  readonly #lock: number;

  /** Waits for a removal that is under way. */
  static async join(path: string): Promise<SnapshotUsers> {
    const lock = openSync(path, 'a', 0o600);
    await flock(lock, 'shared');
    return new SnapshotUsers(lock);
  }

  private constructor(lock: number) {
    this.#lock = lock;
  }

  /** @returns `false`, with nothing done, when there are others. */
  whileAlone(work: () => void): boolean {
    if (!tryFlock(this.#lock, 'exclusive')) {
      tryFlock(this.#lock, 'shared'); // asking for more has given up what there was
      return false;
    }
    try {
      work();
    } finally {
      tryFlock(this.#lock, 'shared');
    }
    return true;
  }

  [Symbol.dispose](): void {
    closeSync(this.#lock);
  }
}
