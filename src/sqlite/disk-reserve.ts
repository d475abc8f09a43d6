import { randomFillSync } from 'node:crypto';
import { rmSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** More than what it takes to stop and remove containers, and less than anybody misses. */
const RESERVE_BYTES = 1024 ** 2;
/** With less than this nothing can be changed, nor even read where nobody else has the database open. */
const FULL_BYTES = 256 * 1024;
const ENOUGH_BYTES = 16 * RESERVE_BYTES;

/**
 * Room on the disk of a folder with databases, which is given up when the disk is full: containers can still be listed,
 * entered, stopped and removed then, and images removed. Who cannot do that cannot make room either. It is taken again once
 * there is enough.
 */
export class DiskReserve {
  readonly #folder: string;
  readonly #path: string;

  constructor(folder: string) {
    this.#folder = folder;
    this.#path = join(folder, 'reserve');
  }

  /** To be called before a change: gives it up if need be. A disk that cannot be asked counts as one with room. */
  makeRoom(): void {
    if (this.#free() < FULL_BYTES) rmSync(this.#path, { force: true });
  }

  /** Takes it, if it is not there and nothing forbids it. */
  keep(): void {
    if (
      statSync(this.#path, { throwIfNoEntry: false })?.size === RESERVE_BYTES ||
      this.#free() < ENOUGH_BYTES
    )
      return;
    // One that is shorter was cut off. Zeros would take no room where files are compressed.
    const bytes = randomFillSync(Buffer.allocUnsafe(RESERVE_BYTES));
    try {
      writeFileSync(this.#path, bytes, { mode: 0o600 });
    } catch {
      rmSync(this.#path, { force: true });
    }
  }

  #free(): number {
    try {
      const { bavail, bsize } = statfsSync(this.#folder);
      return bavail * bsize;
    } catch {
      return Number.POSITIVE_INFINITY;
    }
  }
}
