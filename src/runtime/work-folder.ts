import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  unlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { tryFlock } from '../linux/index.js';

const LOCK = '.lock';
const MOST_REMOVALS = 10;

/**
 * A folder for what is half-made, gone with its owner. It belongs to a process as long as that holds the lock beside
 * it, which ends with the process: numbers of processes mean nothing between containers that share a disk.
 */
export class WorkFolder implements Disposable {
  readonly path: string;
  readonly #lock: number;
  #nextName = 0;

  /** @param parent made if need be. */
  static create(parent: string): WorkFolder {
    mkdirSync(parent, { recursive: true, mode: 0o700 });
    for (;;) {
      const path = join(parent, randomBytes(6).toString('hex'));
      const lock = openSync(path + LOCK, 'wx', 0o600);
      // Somebody who looks for leftovers may have come between: then the lock has no name any more.
      if (tryFlock(lock, 'exclusive') && fstatSync(lock).nlink > 0) {
        mkdirSync(path, { mode: 0o700 });
        return new WorkFolder(path, lock);
      }
      closeSync(lock);
    }
  }

  /** Folders whose owners are gone. `clean` comes before each is removed. */
  static async removeLeftovers(parent: string, clean: (path: string) => Promise<void>): Promise<void> {
    for (const name of readdirSync(parent)) {
      if (!name.endsWith(LOCK)) continue;
      const lock = openIfAny(join(parent, name));
      if (lock === undefined) continue;
      try {
        if (!tryFlock(lock, 'exclusive')) continue;
        const path = join(parent, name.slice(0, -LOCK.length));
        await clean(path);
        removeTree(path);
        rmSync(path + LOCK, { force: true });
      } finally {
        closeSync(lock);
      }
    }
  }

  private constructor(path: string, lock: number) {
    this.path = path;
    this.#lock = lock;
  }

  /** A new folder inside. */
  makeFolder(): string {
    return this.makeFolderIn(this.path);
  }

  /** A new folder inside one of those. */
  makeFolderIn(folder: string): string {
    this.#nextName += 1;
    const path = join(folder, `f${this.#nextName}`);
    mkdirSync(path, { mode: 0o711 });
    return path;
  }

  /** A name inside that nothing has. */
  newPath(): string {
    this.#nextName += 1;
    return join(this.path, String(this.#nextName));
  }

  [Symbol.dispose](): void {
    removeTree(this.path);
    unlinkSync(this.path + LOCK);
    closeSync(this.#lock);
  }
}

/**
 * Whatever it holds: trees of images have directories without permissions too. What was killed may be at its last words in it,
 * for a second and a half.
 */
export function removeTree(path: string): void {
  for (let tries = 0; tries < MOST_REMOVALS; tries += 1) {
    rmSync(path, { recursive: true, force: true, maxRetries: 5 });
    // Where a directory in it vanishes by itself just then, that takes all of it for gone.
    if (!existsSync(path)) return;
  }
}

function openIfAny(path: string): number | undefined {
  try {
    return openSync(path, 'r+');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
